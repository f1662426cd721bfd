/* Protocol buffers: see protobuf.h. Layer: codec. Memory: borrows the input. Thread: any. */
#include "codec/protobuf.h"

#include <string.h>

enum {
    VARINT_MAX = 10,           /* bytes */
    FIELD_MAX = (1 << 29) - 1, /* largest field number */
    LENGTH_ONE_BYTE = 0x80,    /* shorter messages have a length of one byte */
};

static const char cut_short[] = "unexpected EOF";
static const char bad_varint[] = "variable length integer overflow";
static const char bad_tag[] = "invalid field number";
static const char bad_wire[] = "cannot parse reserved wire type";
static const char wrong_wire[] = "field has another wire type";
static const char bad_group[] = "mismatching end group marker";
static const char too_deep[] = "exceeded maximum recursion depth";

/* Moves *at behind a varint; the reason it is none, or NULL. */
static const char *take_varint(const u8 **at, const u8 *end, u64 *ret)
{
    u64 value = 0;
    for (size_t i = 0; i < VARINT_MAX; i++) {
        if (*at + i == end) {
            return cut_short;
        }
        u8 byte = (*at)[i];
        if (i == VARINT_MAX - 1 && byte > 1) {
            return bad_varint;
        }
        value |= (u64)(byte & 0x7F) << (7 * i);
        if (byte < 0x80) {
            *at += i + 1;
            *ret = value;
            return NULL;
        }
    }
    return bad_varint;
}

static const char *take_fixed(const u8 **at, const u8 *end, size_t size, u64 *ret)
{
    u64 value = 0;
    if ((size_t)(end - *at) < size) {
        return cut_short;
    }
    memcpy(&value, *at, size); /* little-endian, as all machines this is built for */
    *at += size;
    *ret = value;
    return NULL;
}

static const char *take_tag(const u8 **at, const u8 *end, u32 *ret_field, ProtoWire *ret_wire)
{
    u64 tag;
    const char *error = take_varint(at, end, &tag);
    if (error) {
        return error;
    }
    if (tag >> 3 == 0 || tag >> 3 > FIELD_MAX) {
        return bad_tag;
    }
    if ((tag & 7) > PROTO_FIXED32) {
        return bad_wire;
    }
    *ret_field = (u32)(tag >> 3);
    *ret_wire = (ProtoWire)(tag & 7);
    return NULL;
}

/* A value that is not a group. */
static const char *take_value(const u8 **at, const u8 *end, ProtoWire wire, u64 *ret_number,
                              Str *ret_bytes)
{
    u64 len;
    const char *error;
    switch (wire) {
    case PROTO_VARINT:
        return take_varint(at, end, ret_number);
    case PROTO_FIXED64:
        return take_fixed(at, end, sizeof(u64), ret_number);
    case PROTO_FIXED32:
        return take_fixed(at, end, sizeof(u32), ret_number);
    case PROTO_LEN:
        error = take_varint(at, end, &len);
        if (error) {
            return error;
        }
        if (len > (u64)(end - *at)) {
            return cut_short;
        }
        *ret_bytes = (Str){.ptr = (const char *)*at, .len = (size_t)len};
        *at += len;
        return NULL;
    default:
        return bad_group;
    }
}

/* Moves *at behind the end marker of the group `field`; *ret_bytes is what lies inside. */
static const char *take_group(const u8 **at, const u8 *end, u32 field, Str *ret_bytes)
{
    u32 open[PROTO_DEPTH_MAX];
    size_t depth = 0;
    const u8 *begin = *at;
    open[depth++] = field;
    for (;;) {
        const u8 *before = *at;
        ProtoWire wire;
        u64 number;
        Str bytes;
        const char *error = take_tag(at, end, &field, &wire);
        if (error) {
            return error;
        }
        if (wire == PROTO_GROUP) {
            if (depth == PROTO_DEPTH_MAX) {
                return too_deep;
            }
            open[depth++] = field;
        } else if (wire == PROTO_GROUP_END) {
            if (open[--depth] != field) {
                return bad_group;
            }
            if (depth == 0) {
                *ret_bytes = str_range((const char *)begin, (const char *)before);
                return NULL;
            }
        } else {
            error = take_value(at, end, wire, &number, &bytes);
            if (error) {
                return error;
            }
        }
    }
}

ProtoReader proto_reader(Str bytes)
{
    const u8 *begin = (const u8 *)(bytes.ptr ? bytes.ptr : "");
    return (ProtoReader){.begin = begin, .at = begin, .end = begin + bytes.len};
}

bool proto_next(ProtoReader *reader)
{
    if (reader->error || reader->at == reader->end) {
        return false;
    }
    const u8 *at = reader->at;
    reader->number = 0;
    reader->bytes = STR_EMPTY;
    reader->error = take_tag(&at, reader->end, &reader->field, &reader->wire);
    if (!reader->error) {
        reader->error =
            reader->wire == PROTO_GROUP
                ? take_group(&at, reader->end, reader->field, &reader->bytes)
                : take_value(&at, reader->end, reader->wire, &reader->number, &reader->bytes);
    }
    if (!reader->error) {
        reader->at = at; /* else it stays at the bad field, for the message */
    }
    return !reader->error;
}

bool proto_finish(const ProtoReader *reader, Err *err)
{
    return !reader->error || err_set_pos(err, ERR_INVALID, (size_t)(reader->at - reader->begin),
                                         "proto: %s", reader->error);
}

static bool expect(ProtoReader *reader, ProtoWire wire)
{
    if (reader->wire != wire && !reader->error) {
        reader->error = wrong_wire;
    }
    return reader->wire == wire;
}

static i64 unzigzag(u64 value)
{
    return (i64)(value >> 1) ^ -(i64)(value & 1);
}

static u64 zigzag(i64 value)
{
    return ((u64)value << 1) ^ (u64)(value >> 63);
}

u64 proto_u64(ProtoReader *reader)
{
    return expect(reader, PROTO_VARINT) ? reader->number : 0;
}

i64 proto_i64(ProtoReader *reader)
{
    return (i64)proto_u64(reader);
}

i64 proto_s64(ProtoReader *reader)
{
    return unzigzag(proto_u64(reader));
}

bool proto_bool(ProtoReader *reader)
{
    return proto_u64(reader) != 0;
}

u64 proto_fixed64(ProtoReader *reader)
{
    return expect(reader, PROTO_FIXED64) ? reader->number : 0;
}

f64 proto_f64(ProtoReader *reader)
{
    u64 bits = proto_fixed64(reader);
    f64 value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

Str proto_bytes(ProtoReader *reader)
{
    return expect(reader, PROTO_LEN) ? reader->bytes : STR_EMPTY;
}

ProtoPacked proto_packed(ProtoReader *reader, ProtoWire element)
{
    ProtoPacked packed = {.wire = element};
    if (reader->wire == PROTO_LEN) {
        packed.at = (const u8 *)reader->bytes.ptr;
        packed.end = packed.at + reader->bytes.len;
    } else if (expect(reader, element)) {
        packed.single = true;
        packed.number = reader->number;
    }
    return packed;
}

bool proto_packed_next(ProtoReader *reader, ProtoPacked *packed, u64 *ret)
{
    if (packed->single) {
        packed->single = false;
        *ret = packed->number;
        return true;
    }
    if (packed->at == packed->end || reader->error) {
        return false;
    }
    Str bytes;
    const char *error = take_value(&packed->at, packed->end, packed->wire, ret, &bytes);
    if (error) {
        reader->error = error;
    }
    return !error;
}

static void put_tag(Buf *out, u32 field, ProtoWire wire)
{
    varint_put(out, (u64)field << 3 | wire);
}

void proto_put_u64(Buf *out, u32 field, u64 value)
{
    put_tag(out, field, PROTO_VARINT);
    varint_put(out, value);
}

void proto_put_i64(Buf *out, u32 field, i64 value)
{
    proto_put_u64(out, field, (u64)value);
}

void proto_put_s64(Buf *out, u32 field, i64 value)
{
    proto_put_u64(out, field, zigzag(value));
}

void proto_put_f64(Buf *out, u32 field, f64 value)
{
    put_tag(out, field, PROTO_FIXED64);
    buf_put(out, &value, sizeof(value));
}

void proto_put_bytes(Buf *out, u32 field, Str value)
{
    put_tag(out, field, PROTO_LEN);
    varint_put(out, value.len);
    buf_str(out, value);
}

/* The length gets one byte; proto_end makes room for more when the message is longer. */
size_t proto_begin(Buf *out, u32 field)
{
    put_tag(out, field, PROTO_LEN);
    buf_byte(out, 0);
    return out->len;
}

void proto_end(Buf *out, size_t mark)
{
    if (out->overflowed) {
        return;
    }
    size_t size = out->len - mark;
    if (size < LENGTH_ONE_BYTE) {
        out->data[mark - 1] = (u8)size;
        return;
    }
    u8 length[VARINT_MAX];
    size_t count = 0;
    for (u64 rest = size; rest > 0; rest >>= 7) {
        length[count++] = (u8)(rest & 0x7F) | (rest >= 0x80 ? 0x80 : 0);
    }
    if (!buf_reserve(out, count - 1)) {
        return;
    }
    memmove(out->data + mark + count - 1, out->data + mark, size);
    memcpy(out->data + mark - 1, length, count);
    buf_advance(out, count - 1);
}

void varint_put(Buf *out, u64 value)
{
    u8 bytes[VARINT_MAX];
    size_t count = 0;
    while (value >= 0x80) {
        bytes[count++] = (u8)value | 0x80;
        value >>= 7;
    }
    bytes[count++] = (u8)value;
    buf_put(out, bytes, count);
}

void varint_put_signed(Buf *out, i64 value)
{
    varint_put(out, zigzag(value));
}

bool varint_get(Str *in, u64 *ret)
{
    const u8 *at = (const u8 *)in->ptr;
    u64 value;
    if (in->len == 0 || take_varint(&at, at + in->len, &value)) {
        return false;
    }
    *in = str_skip(*in, (size_t)(at - (const u8 *)in->ptr));
    *ret = value;
    return true;
}

bool varint_get_signed(Str *in, i64 *ret)
{
    u64 value;
    if (!varint_get(in, &value)) {
        return false;
    }
    *ret = unzigzag(value);
    return true;
}
