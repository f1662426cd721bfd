/*
 * Protocol buffers fuzzer. Oracles: whatever the reader takes, written again and read again, is the
 * same list of fields; and a random message built from the input reads back as it was built. Reads
 * past the end are the sanitizer's to see: inputs are exact heap copies.
 *
 * Layer: codec, tests only.
 */
#include "codec/protobuf.h"

#include "base/hash.h"
#include "base/random.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

/* Writes the field the reader stands at. */
static void copy_field(const ProtoReader *reader, Buf *out)
{
    switch (reader->wire) {
    case PROTO_VARINT:
        proto_put_u64(out, reader->field, reader->number);
        break;
    case PROTO_LEN:
        proto_put_bytes(out, reader->field, reader->bytes);
        break;
    case PROTO_GROUP: /* its content keeps its bytes, in a message instead */
        proto_put_bytes(out, reader->field, reader->bytes);
        break;
    default: /* PROTO_FIXED32 becomes 64 bits wide */
        varint_put(out, (u64)reader->field << 3 | PROTO_FIXED64);
        buf_put(out, &reader->number, sizeof(reader->number));
        break;
    }
}

static void check_same(const ProtoReader *a, const ProtoReader *b)
{
    ASSERT(a->field == b->field);
    ASSERT(a->number == b->number);
    ASSERT(str_eq(a->bytes, b->bytes));
}

static void check_copy(Str input)
{
    Buf copy;
    buf_init(&copy, input.len * 4 + 64);
    size_t good = 0; /* bytes of fields before the first bad one */
    ProtoReader reader = proto_reader(input);
    while (proto_next(&reader)) {
        copy_field(&reader, &copy);
        good = (size_t)(reader.at - reader.begin);
    }
    Err err = {0};
    ASSERT(proto_finish(&reader, &err) == (good == input.len));
    ASSERT(buf_ok(&copy, NULL));
    ProtoReader first = proto_reader(str_take(input, good));
    ProtoReader second = proto_reader(buf_view(&copy));
    while (proto_next(&first)) {
        ASSERT(proto_next(&second));
        check_same(&first, &second);
    }
    ASSERT(!proto_next(&second));
    ASSERT(proto_finish(&second, NULL));
    buf_done(&copy);
}

/* The packed reader ends on any bytes, and gives no more elements than there are bytes. */
static void check_packed(Str input, ProtoWire element)
{
    ProtoReader reader = proto_reader(STR_EMPTY);
    reader.wire = PROTO_LEN;
    reader.bytes = input;
    ProtoPacked packed = proto_packed(&reader, element);
    u64 value;
    size_t count = 0;
    while (proto_packed_next(&reader, &packed, &value)) {
        count++;
    }
    ASSERT(count <= input.len);
    ASSERT(reader.error || packed.at == packed.end);
}

enum { DEPTH_MAX = 6 };

/* NOLINTNEXTLINE(misc-no-recursion): at most DEPTH_MAX deep */
static void write_random(Random *random, Buf *out, u32 depth)
{
    u64 count = random_below(random, 5);
    for (u64 i = 0; i < count; i++) {
        u32 field = (u32)random_below(random, 1000) + 1;
        u64 value = random_u64(random) >> random_below(random, 64);
        f64 number;
        memcpy(&number, &value, sizeof(number));
        switch (random_below(random, 4)) {
        case 0:
            proto_put_u64(out, field, value);
            break;
        case 1:
            proto_put_s64(out, field, (i64)value);
            break;
        case 2:
            proto_put_f64(out, field, number);
            break;
        default:
            if (depth < DEPTH_MAX) {
                size_t mark = proto_begin(out, field);
                write_random(random, out, depth + 1);
                proto_end(out, mark);
            }
            break;
        }
    }
}

/* The same walk as write_random, with the same generator. */
/* NOLINTNEXTLINE(misc-no-recursion): at most DEPTH_MAX deep */
static void read_random(Random *random, Str message, u32 depth)
{
    ProtoReader reader = proto_reader(message);
    u64 count = random_below(random, 5);
    for (u64 i = 0; i < count; i++) {
        u32 field = (u32)random_below(random, 1000) + 1;
        u64 value = random_u64(random) >> random_below(random, 64);
        u64 kind = random_below(random, 4);
        if (kind == 3 && depth == DEPTH_MAX) {
            continue;
        }
        ASSERT(proto_next(&reader) && reader.field == field);
        if (kind == 0) {
            ASSERT(proto_u64(&reader) == value);
        } else if (kind == 1) {
            ASSERT(proto_s64(&reader) == (i64)value);
        } else if (kind == 2) {
            ASSERT(proto_fixed64(&reader) == value);
        } else {
            read_random(random, proto_bytes(&reader), depth + 1);
        }
    }
    ASSERT(!proto_next(&reader));
    ASSERT(proto_finish(&reader, NULL));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    Str input = {.ptr = (const char *)data, .len = size};
    check_copy(input);
    check_packed(input, PROTO_VARINT);
    check_packed(input, PROTO_FIXED64);
    check_packed(input, PROTO_FIXED32);

    Buf message;
    Random random;
    u64 seed = hash_bytes(data, size);
    buf_init(&message, MIB);
    random_seed(&random, seed);
    write_random(&random, &message, 0);
    ASSERT(buf_ok(&message, NULL));
    random_seed(&random, seed);
    read_random(&random, buf_view(&message), 0);
    buf_done(&message);
    return 0;
}
