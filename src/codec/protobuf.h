/*
 * Protocol buffers: a pull reader over the wire format and a writer; no schemas, no tree. A caller
 * loops over fields and picks what it knows; unknown fields are skipped as the format demands.
 *
 *     ProtoReader reader = proto_reader(bytes);
 *     while (proto_next(&reader)) {
 *         switch (reader.field) {
 *         case 1: name = proto_bytes(&reader); break;
 *         case 2: count = proto_u64(&reader); break;
 *         }
 *     }
 *     return proto_finish(&reader, err);
 *
 * Layer: codec. Memory: borrows the input. Thread: one reader, one thread.
 * Source: protobuf.dev/programming-guides/encoding.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/types.h"

enum { PROTO_DEPTH_MAX = 100 }; /* nested groups that are skipped */

typedef enum ProtoWire {
    PROTO_VARINT = 0,
    PROTO_FIXED64 = 1,
    PROTO_LEN = 2,
    PROTO_GROUP = 3,
    PROTO_GROUP_END = 4,
    PROTO_FIXED32 = 5
} ProtoWire;

typedef struct ProtoReader {
    const u8 *begin, *at, *end;
    u32 field; /* of the current field */
    ProtoWire wire;
    u64 number; /* varint or fixed value */
    Str bytes;  /* PROTO_LEN value */
    const char *error;
} ProtoReader;

ProtoReader proto_reader(Str bytes);
bool proto_next(ProtoReader *reader);                            /* false at the end or on error */
bool proto_finish(const ProtoReader *reader, Err *err) MUST_USE; /* ERR_INVALID with pos */

/* The current field's value; a wrong wire type makes the reader fail. */
u64 proto_u64(ProtoReader *reader);
i64 proto_i64(ProtoReader *reader); /* int64: two's complement varint */
i64 proto_s64(ProtoReader *reader); /* sint64: zig-zag */
f64 proto_f64(ProtoReader *reader);
u64 proto_fixed64(ProtoReader *reader);
bool proto_bool(ProtoReader *reader);
Str proto_bytes(ProtoReader *reader);

/* A packed repeated field, or one element of an unpacked one: call until false. */
typedef struct ProtoPacked {
    const u8 *at, *end;
    ProtoWire wire;
    bool single;
    u64 number;
} ProtoPacked;
ProtoPacked proto_packed(ProtoReader *reader, ProtoWire element);
bool proto_packed_next(ProtoReader *reader, ProtoPacked *packed, u64 *ret);

void proto_put_u64(Buf *out, u32 field, u64 value);
void proto_put_i64(Buf *out, u32 field, i64 value);
void proto_put_s64(Buf *out, u32 field, i64 value);
void proto_put_f64(Buf *out, u32 field, f64 value);
void proto_put_bytes(Buf *out, u32 field, Str value);
/* A nested message: begin, write its fields, end with what begin gave. */
size_t proto_begin(Buf *out, u32 field);
void proto_end(Buf *out, size_t mark);

/* Varints without fields: encoding/binary's Uvarint and Varint. */
void varint_put(Buf *out, u64 value);
void varint_put_signed(Buf *out, i64 value); /* zig-zag */
bool varint_get(Str *in, u64 *ret);          /* moves *in; false when cut short or too long */
bool varint_get_signed(Str *in, i64 *ret);
