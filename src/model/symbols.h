/*
 * Symbols: every label name and value of a store, kept once and named by a 32-bit number, so that a
 * series costs eight bytes a label.
 *
 * Who writes (acquire, release) takes the lock of one of the table's shards; who reads (text) takes
 * none. A symbol's bytes never move. When its last reference is released they are not freed at once
 * but when every reader that was pinned at that moment has gone, and only then is the number given
 * to another string. So a query pins the table, makes Labels that point into it, and unpins when
 * its answer is written; a long query delays reuse, nothing else.
 *
 *     u64 pin = symbols_pin(table);
 *     Str name = symbols_text(table, series->labels[0].name);
 *     …
 *     symbols_unpin(table, pin);
 *
 * The rule for owners: a series is made unreachable for new readers *before* its symbols are
 * released. Two numbers may carry the same bytes for a while (one released and waiting, one live);
 * two live ones never do.
 *
 * Layer: model. Memory: symbols_free frees everything; bytes live as said above. Thread: any;
 * symbols_new and symbols_free by one.
 * Cost: 8 bytes a number, 4 to 8 of hash table, and one allocation of 12 bytes plus the text.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "base/types.h"
#include "model/labels.h"

typedef u32 Symbol;

#define SYMBOL_EMPTY ((Symbol)0) /* the empty string; costs no reference */

enum {
    SYMBOL_TEXT_MAX = 16 * 1024 * 1024, /* bytes of one string */
};

typedef struct SymbolPair { /* one label of a stored series */
    Symbol name;
    Symbol value;
} SymbolPair;

typedef struct SymbolTable SymbolTable;

SymbolTable *symbols_new(void);
SymbolTable *symbols_free(SymbolTable *table); /* no reader may be pinned; NULL-safe, NULL */

/*
 * The number of `text` with one more reference; the bytes are copied when they are new.
 * Errors  ERR_LIMIT: text longer than SYMBOL_TEXT_MAX, or all numbers in use
 */
bool symbols_acquire(SymbolTable *table, Str text, Symbol *ret, Err *err) MUST_USE;
void symbols_retain(SymbolTable *table, Symbol symbol);  /* the caller holds a reference already */
void symbols_release(SymbolTable *table, Symbol symbol); /* gives one reference back */

/* All names and values of a label set; on failure none is held. ret: labels.count pairs. */
bool symbols_acquire_labels(SymbolTable *table, Labels labels, SymbolPair *ret, Err *err) MUST_USE;
void symbols_release_labels(SymbolTable *table, const SymbolPair *pairs, size_t count);

/* The live number of `text`, without a reference: stable only while somebody else holds one, or
 * while pinned. False when no live symbol has these bytes. */
bool symbols_find(const SymbolTable *table, Str text, Symbol *ret);

/* Lock-free; for a number that is referenced or was seen under the caller's pin. The bytes end in
 * a NUL that len does not count. */
Str symbols_text(const SymbolTable *table, Symbol symbol);

/* Lock-free. Bytes seen after the pin stay until the unpin. Pins nest and may change threads. */
u64 symbols_pin(SymbolTable *table);
void symbols_unpin(SymbolTable *table, u64 pin);

/* Frees what no pinned reader can see. Releasing does it now and then by itself. */
void symbols_reclaim(SymbolTable *table);

typedef struct SymbolStats {
    u64 live;       /* strings with a reference */
    u64 waiting;    /* released, still visible to a reader */
    u64 text_bytes; /* of both */
    u64 references;
} SymbolStats;

void symbols_stats(const SymbolTable *table, SymbolStats *ret);
