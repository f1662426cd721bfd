/* Tests of model/symbols.h. */
#include "model/symbols.h"

#include "base/random.h"
#include "base/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { WORD_MAX = 32 };

static Str word(char to[WORD_MAX], u64 number)
{
    int len = snprintf(to, WORD_MAX, "word-%llu", (unsigned long long)number);
    return (Str){.ptr = to, .len = (size_t)len};
}

static Symbol acquire(SymbolTable *table, Str text)
{
    Symbol symbol = 0;
    Err err;
    CHECK_OK(symbols_acquire(table, text, &symbol, &err), &err);
    return symbol;
}

static SymbolStats stats(const SymbolTable *table)
{
    SymbolStats counted;
    symbols_stats(table, &counted);
    return counted;
}

TEST(symbols, equal_text_has_one_number_until_its_last_reference_goes)
{
    SymbolTable *table = symbols_new();
    Symbol found;
    Symbol first = acquire(table, S("job"));
    Symbol second = acquire(table, S("job"));
    CHECK_U64(first, second);
    CHECK(first != SYMBOL_EMPTY);
    CHECK(acquire(table, S("jo")) != first);
    symbols_release(table, first);
    CHECK(symbols_find(table, S("job"), &found));
    CHECK_U64(found, first);
    symbols_release(table, first);
    CHECK(!symbols_find(table, S("job"), &found));
    CHECK_U64(stats(table).live, 1);
    symbols_free(table);
}

TEST(symbols, the_empty_string_is_number_zero_and_costs_nothing)
{
    SymbolTable *table = symbols_new();
    Symbol found = 9;
    CHECK_U64(acquire(table, S("")), SYMBOL_EMPTY);
    CHECK(symbols_find(table, S(""), &found));
    CHECK_U64(found, SYMBOL_EMPTY);
    symbols_retain(table, SYMBOL_EMPTY);
    symbols_release(table, SYMBOL_EMPTY);
    CHECK_STR(symbols_text(table, SYMBOL_EMPTY), S(""));
    CHECK_U64(stats(table).references, 0);
    symbols_free(table);
}

TEST(symbols, a_released_number_is_used_again_only_when_no_reader_is_left)
{
    SymbolTable *table = symbols_new();
    Symbol symbol = acquire(table, S("gone"));
    u64 pin = symbols_pin(table);
    Str seen = symbols_text(table, symbol);
    symbols_release(table, symbol);
    for (int i = 0; i < 5; i++) {
        symbols_reclaim(table);
        CHECK_STR(seen, S("gone"));
        CHECK_STR(symbols_text(table, symbol), S("gone"));
        CHECK_U64(stats(table).waiting, 1);
    }
    u64 later = symbols_pin(table);
    symbols_unpin(table, pin);
    symbols_reclaim(table);
    CHECK_U64(stats(table).waiting, 0);
    CHECK_U64(stats(table).text_bytes, 0);
    symbols_unpin(table, later);
    CHECK_U64(acquire(table, S("gone")), symbol);
    symbols_free(table);
}

TEST(symbols, a_string_that_comes_back_while_readers_look_gets_another_number)
{
    SymbolTable *table = symbols_new();
    u64 pin = symbols_pin(table);
    Symbol old = acquire(table, S("x"));
    symbols_release(table, old);
    Symbol again = acquire(table, S("x"));
    CHECK(again != old);
    CHECK_STR(symbols_text(table, old), S("x"));
    CHECK_STR(symbols_text(table, again), S("x"));
    symbols_unpin(table, pin);
    symbols_free(table);
}

TEST(symbols, label_sets_come_and_go_whole)
{
    SymbolTable *table = symbols_new();
    Label at[] = {{S("__name__"), S("up")}, {S("job"), S("up")}};
    SymbolPair pairs[2];
    Err err;
    CHECK_OK(symbols_acquire_labels(table, (Labels){at, 2}, pairs, &err), &err);
    CHECK_U64(pairs[0].value, pairs[1].value);
    CHECK_U64(stats(table).live, 3);
    CHECK_U64(stats(table).references, 4);
    symbols_release_labels(table, pairs, 2);
    CHECK_U64(stats(table).live, 0);

    Label too_long[] = {{S("a"), S("b")}, {S("c"), {"", (size_t)SYMBOL_TEXT_MAX + 1}}};
    CHECK(!symbols_acquire_labels(table, (Labels){too_long, 2}, pairs, &err));
    CHECK_I64(err.code, ERR_LIMIT);
    CHECK_U64(stats(table).references, 0);
    symbols_free(table);
}

TEST(symbols, references_and_numbers_equal_a_naive_count)
{
    enum { WORDS = 3000, STEPS = 60000 };
    static u32 held[WORDS];
    static Symbol number[WORDS];
    char text[WORD_MAX];
    Random random;
    SymbolTable *table = symbols_new();
    u64 references = 0;
    random_seed(&random, test_seed());
    memset(held, 0, sizeof(held));
    for (int step = 0; step < STEPS; step++) {
        u64 i = random_below(&random, WORDS);
        if (held[i] > 0 && random_below(&random, 2) == 0) {
            symbols_release(table, number[i]);
            held[i]--;
            references--;
        } else {
            Symbol got = acquire(table, word(text, i));
            CHECK(held[i] == 0 || got == number[i]);
            number[i] = got;
            held[i]++;
            references++;
        }
    }
    u64 live = 0;
    for (u64 i = 0; i < WORDS; i++) {
        Symbol found = 0;
        live += held[i] > 0;
        CHECK(symbols_find(table, word(text, i), &found) == (held[i] > 0));
        if (held[i] > 0) {
            CHECK_U64(found, number[i]);
            CHECK_STR(symbols_text(table, number[i]), word(text, i));
        }
    }
    CHECK_U64(stats(table).live, live);
    CHECK_U64(stats(table).references, references);
    symbols_free(table);
}

/* Writers replace strings in shared cells; readers pin, read a cell, and must see its word. */
enum { CELLS = 64, WRITER_ROUNDS = 20000 };

typedef struct Stage {
    SymbolTable *table;
    _Atomic Symbol cell[2][CELLS]; /* one row a writer */
    _Atomic bool stop;
    _Atomic u64 reads;
    _Atomic u64 wrong;
} Stage;

typedef struct Writer {
    Stage *stage;
    u64 row;
} Writer;

static void *write_cells(void *self)
{
    Writer *writer = self;
    Stage *stage = writer->stage;
    char text[WORD_MAX];
    for (u64 i = 0; i < WRITER_ROUNDS; i++) {
        Symbol fresh;
        Err err;
        Str next = word(text, i % 500 * CELLS + i % CELLS);
        if (!symbols_acquire(stage->table, next, &fresh, &err)) {
            atomic_fetch_add(&stage->wrong, 1);
            break;
        }
        Symbol old = atomic_exchange(&stage->cell[writer->row][i % CELLS], fresh);
        symbols_release(stage->table, old);
    }
    return NULL;
}

static void *read_cells(void *self)
{
    Stage *stage = self;
    while (!atomic_load(&stage->stop)) {
        u64 pin = symbols_pin(stage->table);
        for (u64 i = 0; i < CELLS; i++) {
            Symbol symbol = atomic_load(&stage->cell[i & 1][i]);
            Str text = symbols_text(stage->table, symbol);
            u64 number = i;
            bool good = text.len == 0 || (str_skip_prefix(&text, S("word-")) &&
                                          str_to_u64(text, &number) && number % CELLS == i);
            atomic_fetch_add(&stage->wrong, !good);
        }
        symbols_unpin(stage->table, pin);
        atomic_fetch_add(&stage->reads, 1);
    }
    return NULL;
}

TEST(symbols, pinned_readers_always_see_the_text_of_the_number_they_hold)
{
    static Stage stage;
    pthread_t writers[2], readers[2];
    Writer self[2] = {{&stage, 0}, {&stage, 1}};
    memset(&stage, 0, sizeof(stage));
    stage.table = symbols_new();
    for (size_t i = 0; i < 2; i++) {
        pthread_create(&readers[i], NULL, read_cells, &stage);
        pthread_create(&writers[i], NULL, write_cells, &self[i]);
    }
    for (size_t i = 0; i < 2; i++) {
        pthread_join(writers[i], NULL);
    }
    while (atomic_load(&stage.reads) == 0) {
        /* on one core the readers may come last */
    }
    atomic_store(&stage.stop, true);
    for (size_t i = 0; i < 2; i++) {
        pthread_join(readers[i], NULL);
    }
    CHECK_U64(atomic_load(&stage.wrong), 0);
    for (size_t i = 0; i < 2; i++) {
        for (size_t k = 0; k < CELLS; k++) {
            symbols_release(stage.table, atomic_load(&stage.cell[i][k]));
        }
    }
    symbols_reclaim(stage.table);
    CHECK_U64(stats(stage.table).live, 0);
    CHECK_U64(stats(stage.table).waiting, 0);
    symbols_free(stage.table);
}
