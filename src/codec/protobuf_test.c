/* Protocol buffers: tests. Layer: codec. */
#include "codec/protobuf.h"

#include "base/test.h"

#include <math.h>
#include <string.h>

TEST(protobuf, the_writer_gives_the_bytes_of_the_specification)
{
    Buf out;
    buf_init(&out, KIB);
    proto_put_u64(&out, 1, 150);
    CHECK_STR(buf_view(&out), S("\x08\x96\x01"));
    buf_clear(&out);
    proto_put_bytes(&out, 2, S("testing"));
    CHECK_STR(buf_view(&out), S("\x12\x07testing"));
    buf_clear(&out);
    proto_put_i64(&out, 1, -2);
    CHECK_STR(buf_view(&out), S("\x08\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
    buf_clear(&out);
    proto_put_s64(&out, 1, -2);
    proto_put_s64(&out, 1, 2147483647);
    CHECK_STR(buf_view(&out), S("\x08\x03\x08\xfe\xff\xff\xff\x0f"));
    buf_clear(&out);
    proto_put_f64(&out, 16, 1.0);
    CHECK_STR(buf_view(&out), S("\x81\x01\0\0\0\0\0\0\xf0\x3f"));
    buf_clear(&out);
    size_t mark = proto_begin(&out, 3);
    proto_put_u64(&out, 1, 150);
    proto_end(&out, mark);
    CHECK_STR(buf_view(&out), S("\x1a\x03\x08\x96\x01"));
    buf_done(&out);
}

TEST(protobuf, nested_messages_of_any_length_read_back)
{
    static const size_t sizes[] = {0, 1, 126, 127, 128, 16383, 16384, 70000};
    static char text[70000];
    memset(text, 'x', sizeof(text));
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        Buf out;
        buf_init(&out, MIB);
        size_t outer = proto_begin(&out, 1);
        size_t inner = proto_begin(&out, 2);
        proto_put_bytes(&out, 3, (Str){.ptr = text, .len = sizes[i]});
        proto_end(&out, inner);
        proto_put_u64(&out, 4, 7);
        proto_end(&out, outer);

        ProtoReader top = proto_reader(buf_view(&out));
        CHECK(proto_next(&top) && top.field == 1);
        ProtoReader middle = proto_reader(proto_bytes(&top));
        CHECK(proto_next(&middle) && middle.field == 2);
        ProtoReader deep = proto_reader(proto_bytes(&middle));
        CHECK(proto_next(&deep) && deep.field == 3);
        CHECK_U64(proto_bytes(&deep).len, sizes[i]);
        CHECK(!proto_next(&deep) && proto_finish(&deep, NULL));
        CHECK(proto_next(&middle) && proto_u64(&middle) == 7);
        CHECK(!proto_next(&middle) && proto_finish(&middle, NULL));
        CHECK(!proto_next(&top) && proto_finish(&top, NULL));
        buf_done(&out);
    }
    Buf small; /* no room for the longer length: marked, not written over */
    buf_init(&small, 202);
    size_t mark = proto_begin(&small, 1);
    buf_put(&small, text, 200);
    proto_end(&small, mark);
    CHECK(!buf_ok(&small, NULL));
    buf_done(&small);
}

TEST(protobuf, packed_and_single_elements_read_alike)
{
    Str message = S("\x0a\x03\x01\x96\x01" /* packed 1, 150 */
                    "\x08\x05"             /* single 5 */
                    "\x12\x08\0\0\0\0\0\0\xf0\x3f");
    ProtoReader reader = proto_reader(message);
    static const u64 want[] = {1, 150, 5};
    size_t count = 0;
    while (proto_next(&reader)) {
        ProtoPacked packed =
            proto_packed(&reader, reader.field == 1 ? PROTO_VARINT : PROTO_FIXED64);
        u64 value;
        while (proto_packed_next(&reader, &packed, &value)) {
            if (reader.field == 1) {
                CHECK(count < COUNT_OF(want));
                CHECK_U64(value, want[count++]);
            } else {
                CHECK_U64(value, 0x3ff0000000000000);
            }
        }
    }
    CHECK(proto_finish(&reader, NULL));
    CHECK_U64(count, 3);

    ProtoReader cut = proto_reader(S("\x0a\x02\x01\x96"));
    CHECK(proto_next(&cut));
    ProtoPacked packed = proto_packed(&cut, PROTO_VARINT);
    u64 value;
    CHECK(proto_packed_next(&cut, &packed, &value));
    CHECK(!proto_packed_next(&cut, &packed, &value));
    CHECK(!proto_finish(&cut, NULL));
}

TEST(protobuf, groups_are_skipped)
{
    ProtoReader reader = proto_reader(S("\x0b\x10\x01\x1b\x08\x02\x1c\x0c\x20\x07"));
    CHECK(proto_next(&reader));
    CHECK(reader.wire == PROTO_GROUP && reader.field == 1);
    CHECK_STR(reader.bytes, S("\x10\x01\x1b\x08\x02\x1c"));
    CHECK(proto_next(&reader));
    CHECK_U64(reader.field, 4);
    CHECK_U64(proto_u64(&reader), 7);
    CHECK(!proto_next(&reader));
    CHECK(proto_finish(&reader, NULL));
}

TEST(protobuf, broken_messages_are_errors_with_their_place)
{
    static char deep[400];
    memset(deep, 0x0b, 200);
    memset(deep + 200, 0x0c, 200);
    const struct {
        Str bytes;
        const char *error;
        size_t pos;
    } cases[] = {
        {S("\x08"), "proto: unexpected EOF", 0},
        {S("\x08\x01\x08\x96"), "proto: unexpected EOF", 2},
        {S("\x12\x07test"), "proto: unexpected EOF", 0},
        {S("\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "proto: unexpected EOF", 0},
        {S("\x09\0\0\0"), "proto: unexpected EOF", 0},
        {S("\x0d\0\0"), "proto: unexpected EOF", 0},
        {S("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"),
         "proto: variable length integer overflow", 0},
        {S("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
         "proto: variable length integer overflow", 0},
        {S("\x00\x01"), "proto: invalid field number", 0},
        {S("\x80\x80\x80\x80\x10\x01"), "proto: invalid field number", 0}, /* 2^29 */
        {S("\x0e\x01"), "proto: cannot parse reserved wire type", 0},
        {S("\x0f\x01"), "proto: cannot parse reserved wire type", 0},
        {S("\x0c"), "proto: mismatching end group marker", 0},
        {S("\x0b\x14"), "proto: mismatching end group marker", 0},
        {S("\x0b\x08\x01"), "proto: unexpected EOF", 0},
        {(Str){.ptr = deep, .len = sizeof(deep)}, "proto: exceeded maximum recursion depth", 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        ProtoReader reader = proto_reader(cases[i].bytes);
        while (proto_next(&reader)) {
        }
        Err err = {0};
        CHECK(!proto_finish(&reader, &err));
        CHECK_STR(str_from(err.message), str_from(cases[i].error));
        CHECK_U64(err.pos, cases[i].pos);
    }
}

TEST(protobuf, a_value_of_another_type_fails_the_reader)
{
    ProtoReader reader = proto_reader(S("\x08\x01\x08\x02"));
    CHECK(proto_next(&reader));
    CHECK_STR(proto_bytes(&reader), STR_EMPTY);
    CHECK(!proto_next(&reader));
    CHECK(!proto_finish(&reader, NULL));
    reader = proto_reader(S("\x12\x01x"));
    CHECK(proto_next(&reader));
    CHECK_U64(proto_u64(&reader), 0);
    CHECK_F64(proto_f64(&reader), 0.0);
    CHECK(!proto_finish(&reader, NULL));
}

TEST(protobuf, varints_without_fields_round_trip)
{
    static const i64 values[] = {0, 1, -1, 63, -64, 64, 300, INT64_MAX, INT64_MIN};
    Buf out;
    buf_init(&out, KIB);
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        varint_put_signed(&out, values[i]);
        varint_put(&out, (u64)values[i]);
    }
    Str in = buf_view(&out);
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        i64 is = 0;
        u64 us = 0;
        CHECK(varint_get_signed(&in, &is) && varint_get(&in, &us));
        CHECK_I64(is, values[i]);
        CHECK_U64(us, (u64)values[i]);
    }
    u64 value = 42;
    CHECK_U64(in.len, 0);
    CHECK(!varint_get(&in, &value));
    Str cut = S("\x80\x80");
    CHECK(!varint_get(&cut, &value));
    CHECK_U64(cut.len, 2);
    Str long_one = S("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f");
    CHECK(!varint_get(&long_one, &value));
    CHECK_U64(value, 42);
    buf_done(&out);
}
