/*
 * Fuzzer of promql/parse.h and promql/print.h. Oracles: an error has a place inside the text; what
 * is accepted with everything experimental off is the same with it on; the printed line and the
 * folded text read back and print as the same line; the JSON is JSON; every node lies in its
 * parent's text.
 */
#include "promql/parse.h"

#include "promql/lint.h"
#include "promql/print.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

enum {
    TEXT_MAX = 16 * 1024,          /* bytes of query; longer ones teach nothing new */
    ARENA_MAX = 64 * 1024 * 1024,  /* bytes */
    PRINT_MAX = 128 * 1024 * 1024, /* bytes: deep trees fold into wide indentation */
};

static const ParseOpts everything = {true, true, true};

static bool parse(Str text, const ParseOpts *opts, Arena *arena, Expr *ret)
{
    Err err = {0};
    arena_init(arena, ARENA_MAX);
    if (expr_parse(text, opts, arena, ret, &err)) {
        return true;
    }
    ASSERT(err.code == ERR_INVALID || err.code == ERR_LIMIT);
    ASSERT(err.message[0] != '\0' && err.pos <= text.len);
    arena_done(arena);
    return false;
}

static void release(Expr *expr, Arena *arena)
{
    expr_done(expr);
    arena_done(arena);
}

/* A range below a millisecond prints as 0s, which is refused. */
static bool has_tiny_range(const Node *node)
{
    if (node->kind == NODE_MATRIX && node->matrix.range_ms == 0 && !node->matrix.range_expr) {
        return true;
    }
    if (node->kind == NODE_SUBQUERY && node->subquery.range_ms == 0 && !node->subquery.range_expr) {
        return true;
    }
    for (size_t i = 0; i < node_child_count(node); i++) {
        if (has_tiny_range(node_child(node, i))) {
            return true;
        }
    }
    return false;
}

static void check_places(const Node *node)
{
    ASSERT(node->at.start < node->at.end);
    for (size_t i = 0; i < node_child_count(node); i++) {
        const Node *child = node_child(node, i);
        ASSERT(child->height < node->height);
        ASSERT(child->at.start >= node->at.start && child->at.end <= node->at.end);
        check_places(child);
    }
}

static void check_reads_back(Str text, Str line)
{
    Arena arena;
    Expr again;
    Err err = {0};
    arena_init(&arena, ARENA_MAX);
    if (!expr_parse(text, &everything, &arena, &again, &err)) {
        ASSERT(err.code ==
               ERR_LIMIT); /* parentheses that printing adds may be one level too many */
        arena_done(&arena);
        return;
    }
    Buf printed;
    buf_init(&printed, PRINT_MAX);
    node_print(&printed, again.root);
    ASSERT(str_eq(buf_view(&printed), line));
    buf_done(&printed);
    release(&again, &arena);
}

static void check_json(const Node *root)
{
    Buf text;
    Arena arena;
    JsonWriter writer;
    JsonReader reader;
    Err err;
    buf_init(&text, PRINT_MAX);
    arena_init(&arena, ARENA_MAX);
    json_writer_init(&writer, &text);
    node_json(&writer, root);
    ASSERT(buf_ok(&text, NULL));
    json_init(&reader, buf_view(&text), &arena);
    bool fine = json_skip(&reader) && json_finish(&reader, &err);
    ASSERT(fine || root->height * 2 > JSON_DEPTH_MAX / 2);
    arena_done(&arena);
    buf_done(&text);
}

static void check_hints(const Expr *expr)
{
    Arena arena;
    Hint *hint = NULL;
    arena_init(&arena, ARENA_MAX);
    bool ok = expr_lint(expr, &arena, &hint, NULL);
    ASSERT(ok);
    for (; hint; hint = hint->next) {
        ASSERT(hint->message.len > 0 && hint->at.end <= expr->text.len);
    }
    arena_done(&arena);
}

static void check_accepted(const Expr *expr)
{
    Buf line;
    Buf folded;
    buf_init(&line, PRINT_MAX);
    buf_init(&folded, PRINT_MAX);
    node_print(&line, expr->root);
    node_pretty(&folded, expr->root);
    ASSERT(buf_ok(&line, NULL) && buf_ok(&folded, NULL));
    check_places(expr->root);
    check_json(expr->root);
    check_hints(expr);
    if (!has_tiny_range(expr->root)) {
        check_reads_back(buf_view(&line), buf_view(&line));
        check_reads_back(buf_view(&folded), buf_view(&line));
    }
    buf_done(&line);
    buf_done(&folded);
}

static void check_same(const Expr *a, const Expr *b)
{
    Buf left;
    Buf right;
    buf_init(&left, PRINT_MAX);
    buf_init(&right, PRINT_MAX);
    node_print(&left, a->root);
    node_print(&right, b->root);
    ASSERT(str_eq(buf_view(&left), buf_view(&right)));
    buf_done(&left);
    buf_done(&right);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    Str text = {.ptr = (const char *)data, .len = MIN(size, (size_t)TEXT_MAX)};
    Arena arena_on;
    Arena arena_off;
    Expr on;
    Expr off;
    bool accepted_on = parse(text, &everything, &arena_on, &on);
    bool accepted_off = parse(text, NULL, &arena_off, &off);
    ASSERT(accepted_on || !accepted_off);
    if (accepted_on) {
        check_accepted(&on);
    }
    if (accepted_off) {
        check_same(&on, &off);
        release(&off, &arena_off);
    }
    if (accepted_on) {
        release(&on, &arena_on);
    }
    Expr selector;
    Arena arena;
    arena_init(&arena, ARENA_MAX);
    if (selector_parse(text, &arena, &selector, NULL)) {
        ASSERT(selector.root->kind == NODE_VECTOR);
        expr_done(&selector);
    }
    arena_done(&arena);
    return 0;
}
