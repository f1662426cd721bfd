/*
 * The index of a block, inside: what reading, matching and verifying share. See block_index.h.
 *
 * Layer: tsdb. Thread: immutable once open.
 */
#pragma once

#include "base/vec.h"
#include "os/file.h"
#include "tsdb/block_index.h"
#include "tsdb/bytes.h"

enum {
    INDEX_HEADER_SIZE = 5,
    INDEX_TOC_SIZE = 52,
    INDEX_CRC_SIZE = 4,
    INDEX_SERIES_ALIGNMENT = 16,
    INDEX_SECTION_ALIGNMENT = 4,
    INDEX_SYMBOL_STEP = 8, /* of how many symbols one place is kept */
    INDEX_VALUE_STEP = 32, /* of how many values of a name one place is kept */
    INDEX_VERSION_1 = 1,
    INDEX_VERSION_2 = 2,
    INDEX_VERSION_3 = 3,
};

static const u8 index_magic[4] = {0xba, 0xaa, 0xd7, 0x00};

typedef enum IndexPart {
    INDEX_SYMBOLS,
    INDEX_SERIES,
    INDEX_LABEL_INDICES,
    INDEX_LABEL_OFFSETS,
    INDEX_POSTINGS,
    INDEX_POSTINGS_OFFSETS,
    INDEX_PARTS,
} IndexPart;

typedef struct IndexName {
    Str name;
    size_t first; /* its first in value_places */
    u64 values;
} IndexName;

typedef VEC(u32) PlaceList;

struct BlockIndex {
    FileMap map; /* owned; empty when the bytes are borrowed */
    Str bytes;
    char *path; /* owned */
    u8 version;
    u64 parts[INDEX_PARTS]; /* offsets in the file, in the order of the TOC */
    Str symbols;            /* the strings, without the count */
    u32 symbol_count;
    PlaceList symbol_places; /* in `symbols` */
    Str pairs;               /* entries of the postings offsets, without the count */
    VEC(IndexName) names;    /* sorted */
    PlaceList value_places;  /* in `pairs` */
    u32 value_step;          /* values a place stands for */
};

/* The checked bytes of the section at `offset`, and where it ends. */
bool index_section(const BlockIndex *index, u64 offset, const char *what, Str *ret, u64 *ret_end,
                   Err *err) MUST_USE;

/* The checked bytes of the series entry at `offset`, and where it ends. */
bool index_entry(const BlockIndex *index, u64 offset, Str *ret, u64 *ret_end, Err *err) MUST_USE;

bool index_damaged(const BlockIndex *index, u64 offset, const char *what, Err *err);
