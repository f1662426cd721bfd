/*
 * Regex literals: recognises the patterns that need no automaton. Most matchers in dashboards and
 * rules are a literal, a set of them, a prefix or a suffix; comparing bytes answers those at a few
 * nanoseconds a label value.
 *
 * A branch is expanded into alternatives, each a row of literals and gaps. Everything is bounded:
 * what does not fit within the bounds is left to PCRE2.
 *
 * Layer: codec. Memory: the caller's arena. Thread: any.
 */
#include "codec/regex_syntax.h"

#include "base/utf8.h"

#include <string.h>

enum {
    PIECES_MAX = 16,         /* literals and gaps in one alternative */
    ALTERNATIVES_MAX = 256,  /* that one branch may be expanded into */
    CLASS_RUNES_MAX = 32,    /* code points of a class that is expanded */
    REPEAT_EXPANDED_MAX = 8, /* copies of a repeated part */
};

typedef enum PieceKind { PIECE_LITERAL, PIECE_GAP, PIECE_BEGIN, PIECE_END } PieceKind;

typedef struct Piece {
    PieceKind kind;
    bool newlines; /* PIECE_GAP: may hold newlines */
    u8 min;        /* PIECE_GAP: code points at least, 0 or 1 */
    Str text;      /* PIECE_LITERAL */
} Piece;

typedef struct Row {
    Piece pieces[PIECES_MAX];
    size_t count;
} Row;

/* Alternatives under construction. */
typedef struct Rows {
    Row **at; /* [ALTERNATIVES_MAX], in the arena */
    size_t count;
} Rows;

static bool expand(const RegexNode *node, Arena *arena, Rows *out);

static bool rows_init(Rows *rows, Arena *arena)
{
    *rows = (Rows){.at = ARENA_NEW(arena, Row *, ALTERNATIVES_MAX)};
    return rows->at != NULL;
}

static Row *rows_add(Rows *rows, Arena *arena)
{
    Row *row = rows->count < ALTERNATIVES_MAX ? ARENA_NEW(arena, Row, 1) : NULL;
    if (row) {
        rows->at[rows->count++] = row;
    }
    return row;
}

static bool join_literals(Arena *arena, Str left, Str right, Str *ret)
{
    char *joined = arena_alloc(arena, left.len + right.len, 1);
    if (!joined) {
        return false;
    }
    memcpy(joined, left.ptr, left.len);
    memcpy(joined + left.len, right.ptr, right.len);
    *ret = (Str){.ptr = joined, .len = left.len + right.len};
    return true;
}

/* Two gaps side by side as one, where one can say it. */
static bool join_gaps(Piece *left, const Piece *right)
{
    u32 min = (u32)left->min + right->min;
    if (min > 1) {
        return false;
    }
    if (left->newlines != right->newlines) {
        /* .* swallows a neighbour that may be empty; one that may not keeps its own condition. */
        const Piece *narrow = left->newlines ? right : left;
        if (narrow->min > 0) {
            return false;
        }
        left->newlines = true;
    }
    left->min = (u8)min;
    return true;
}

static bool row_append(Row *row, const Piece *piece, Arena *arena)
{
    Piece *last = row->count ? &row->pieces[row->count - 1] : NULL;
    if (last && last->kind == PIECE_LITERAL && piece->kind == PIECE_LITERAL) {
        return join_literals(arena, last->text, piece->text, &last->text);
    }
    if (last && last->kind == PIECE_GAP && piece->kind == PIECE_GAP) {
        return join_gaps(last, piece);
    }
    if (row->count == PIECES_MAX) {
        return false;
    }
    row->pieces[row->count++] = *piece;
    return true;
}

/* Every row of *rows followed by every row of `tail`. */
static bool rows_multiply(Rows *rows, const Rows *tail, Arena *arena)
{
    Rows product;
    if (rows->count * tail->count > ALTERNATIVES_MAX || !rows_init(&product, arena)) {
        return false;
    }
    for (size_t i = 0; i < rows->count; i++) {
        for (size_t j = 0; j < tail->count; j++) {
            Row *row = rows_add(&product, arena);
            if (!row) {
                return false;
            }
            *row = *rows->at[i];
            for (size_t k = 0; k < tail->at[j]->count; k++) {
                if (!row_append(row, &tail->at[j]->pieces[k], arena)) {
                    return false;
                }
            }
        }
    }
    *rows = product;
    return true;
}

static bool add_piece(Rows *out, Arena *arena, Piece piece)
{
    Row *row = rows_add(out, arena);
    return row && row_append(row, &piece, arena);
}

/* A literal can be compared by bytes unless case is ignored or U+FFFD may mean an invalid byte. */
static bool expand_literal(const RegexNode *node, Arena *arena, Rows *out)
{
    static const Str replacement = STR_INIT("\xEF\xBF\xBD");
    for (size_t i = 0; node->fold && i < node->text.len; i++) {
        u8 c = (u8)node->text.ptr[i] | 0x20;
        if (c >= 0x80 || (c >= 'a' && c <= 'z')) {
            return false;
        }
    }
    return !str_contains(node->text, replacement) &&
           add_piece(out, arena, (Piece){.kind = PIECE_LITERAL, .text = node->text});
}

static bool expand_class(const RegexNode *node, Arena *arena, Rows *out)
{
    const RegexClass *class = node->class;
    size_t total = 0;
    if (node->fold || class->negated || class->property_count > 0) {
        return false;
    }
    for (size_t i = 0; i < class->range_count; i++) {
        RegexRange range = class->ranges[i];
        total += range.high - range.low + 1;
        if (total > CLASS_RUNES_MAX || range.high >= 0xD800) {
            return false; /* also keeps surrogates and U+FFFD out */
        }
        for (u32 rune = range.low; rune <= range.high; rune++) {
            char *bytes = arena_alloc(arena, UTF8_MAX, 1);
            if (!bytes) {
                return false;
            }
            Str text = {.ptr = bytes, .len = utf8_encode(rune, bytes)};
            if (!add_piece(out, arena, (Piece){.kind = PIECE_LITERAL, .text = text})) {
                return false;
            }
        }
    }
    return total > 0;
}

static bool expand_gap(const RegexNode *node, Arena *arena, Rows *out)
{
    return node->max == REGEX_UNBOUNDED && node->min <= 1 &&
           add_piece(out, arena,
                     (Piece){.kind = PIECE_GAP,
                             .newlines = node->first->op == REGEX_ANY,
                             .min = (u8)node->min});
}

/* NOLINTNEXTLINE(misc-no-recursion): the parser bounds the depth with REGEX_NEST_MAX */
static bool expand_repeat(const RegexNode *node, Arena *arena, Rows *out)
{
    RegexOp op = node->first->op;
    if (op == REGEX_ANY || op == REGEX_ANY_BUT_NEWLINE) {
        return expand_gap(node, arena, out);
    }
    Rows once;
    if (node->max == REGEX_UNBOUNDED || node->max > REPEAT_EXPANDED_MAX ||
        !rows_init(&once, arena) || !expand(node->first, arena, &once)) {
        return false;
    }
    Rows power;
    if (!rows_init(&power, arena) || !rows_add(&power, arena)) {
        return false;
    }
    for (i32 copies = 0; copies <= node->max; copies++) {
        if (copies > 0 && !rows_multiply(&power, &once, arena)) {
            return false;
        }
        for (size_t i = 0; copies >= node->min && i < power.count; i++) {
            Row *row = rows_add(out, arena);
            if (!row) {
                return false;
            }
            *row = *power.at[i];
        }
    }
    return true;
}

/* NOLINTNEXTLINE(misc-no-recursion): the parser bounds the depth with REGEX_NEST_MAX */
static bool expand_concat(const RegexNode *node, Arena *arena, Rows *out)
{
    Rows all;
    if (!rows_init(&all, arena) || !rows_add(&all, arena)) {
        return false;
    }
    for (const RegexNode *child = node->first; child; child = child->next) {
        Rows part;
        if (!rows_init(&part, arena) || !expand(child, arena, &part) ||
            !rows_multiply(&all, &part, arena)) {
            return false;
        }
    }
    for (size_t i = 0; i < all.count; i++) {
        if (out->count == ALTERNATIVES_MAX) {
            return false;
        }
        out->at[out->count++] = all.at[i];
    }
    return true;
}

/* Appends the alternatives of a node; false when it has no such form. */
/* NOLINTNEXTLINE(misc-no-recursion): the parser bounds the depth with REGEX_NEST_MAX */
static bool expand(const RegexNode *node, Arena *arena, Rows *out)
{
    switch (node->op) {
    case REGEX_LITERAL:
        return expand_literal(node, arena, out);
    case REGEX_CLASS:
        return expand_class(node, arena, out);
    case REGEX_TEXT_BEGIN:
        return add_piece(out, arena, (Piece){.kind = PIECE_BEGIN});
    case REGEX_TEXT_END:
        return add_piece(out, arena, (Piece){.kind = PIECE_END});
    case REGEX_GROUP:
        return expand(node->first, arena, out);
    case REGEX_REPEAT:
        return expand_repeat(node, arena, out);
    case REGEX_CONCAT:
        return expand_concat(node, arena, out);
    case REGEX_ALTERNATE:
        for (const RegexNode *child = node->first; child; child = child->next) {
            if (!expand(child, arena, out)) {
                return false;
            }
        }
        return true;
    default:
        return false;
    }
}

/* Takes the edges off; where there was none and the match may float, a gap takes their place. */
static bool anchor_row(Row *row, bool anchored, Arena *arena)
{
    static const Piece anything = {.kind = PIECE_GAP, .newlines = true, .min = 0};
    size_t first = 0;
    size_t end = row->count;
    while (first < end && row->pieces[first].kind == PIECE_BEGIN) {
        first++;
    }
    while (end > first && row->pieces[end - 1].kind == PIECE_END) {
        end--;
    }
    bool floats_before = !anchored && first == 0;
    bool floats_behind = !anchored && end == row->count;
    Row result = {0};
    if (floats_before && !row_append(&result, &anything, arena)) {
        return false;
    }
    for (size_t i = first; i < end; i++) {
        const Piece *piece = &row->pieces[i];
        if (piece->kind == PIECE_BEGIN || piece->kind == PIECE_END ||
            !row_append(&result, piece, arena)) {
            return false;
        }
    }
    if (floats_behind && !row_append(&result, &anything, arena)) {
        return false;
    }
    *row = result;
    return true;
}

static bool row_to_shape(const Row *row, Arena *arena, RegexShape *ret)
{
    RegexShape shape = {.newlines = true};
    for (size_t i = 0; i < row->count; i++) {
        shape.gap_count += row->pieces[i].kind == PIECE_GAP;
    }
    shape.literals = ARENA_NEW(arena, Str, shape.gap_count + 1);
    shape.gap_min = ARENA_NEW(arena, u8, shape.gap_count + 1);
    if (!shape.literals || !shape.gap_min) {
        return false;
    }
    for (size_t i = 0; i <= shape.gap_count; i++) {
        shape.literals[i] = STR_EMPTY;
    }
    size_t gap = 0;
    for (size_t i = 0; i < row->count; i++) {
        const Piece *piece = &row->pieces[i];
        if (piece->kind == PIECE_LITERAL) {
            if (!arena_str(arena, piece->text, &shape.literals[gap], NULL)) {
                return false;
            }
            continue;
        }
        if (gap > 0 && shape.newlines != piece->newlines) {
            return false;
        }
        shape.newlines = piece->newlines;
        shape.gap_min[gap++] = piece->min;
    }
    /* With several gaps the first place of a literal is the best one only if gaps take anything. */
    if (gap > 1 && !shape.newlines) {
        return false;
    }
    *ret = shape;
    return true;
}

static bool shapes_of(const RegexNode *node, bool anchored, Arena *scratch, Arena *arena,
                      RegexShapes *ret)
{
    Rows rows;
    if (!rows_init(&rows, scratch) || !expand(node, scratch, &rows)) {
        return false;
    }
    RegexShapes shapes = {.at = ARENA_NEW(arena, RegexShape, rows.count)};
    if (!shapes.at) {
        return false;
    }
    for (size_t i = 0; i < rows.count; i++) {
        if (!anchor_row(rows.at[i], anchored, scratch) ||
            !row_to_shape(rows.at[i], arena, &shapes.at[i])) {
            return false;
        }
        shapes.count++;
    }
    *ret = shapes;
    return true;
}

bool regex_shapes(const RegexNode *node, bool anchored, Arena *scratch, Arena *arena,
                  RegexShapes *ret)
{
    ArenaMark before = arena_mark(scratch);
    bool ok = shapes_of(node, anchored, scratch, arena, ret);
    arena_reset(scratch, before);
    return ok;
}

bool regex_shape_fits(const RegexShape *shape, Str subject)
{
    Str first = shape->literals[0];
    if (shape->gap_count == 0) {
        return str_eq(first, subject);
    }
    Str last = shape->literals[shape->gap_count];
    if (subject.len < first.len + last.len || !str_starts_with(subject, first) ||
        !str_ends_with(subject, last)) {
        return false;
    }
    Str rest = str_slice(subject, first.len, subject.len - last.len);
    for (size_t gap = 0; gap + 1 < shape->gap_count; gap++) {
        if (rest.len < shape->gap_min[gap]) {
            return false;
        }
        Str part = shape->literals[gap + 1];
        size_t at = str_find(str_skip(rest, shape->gap_min[gap]), part);
        if (at == STR_NOT_FOUND) {
            return false;
        }
        rest = str_skip(rest, shape->gap_min[gap] + at + part.len);
    }
    return rest.len >= shape->gap_min[shape->gap_count - 1] &&
           (shape->newlines || str_find_byte(rest, '\n') == STR_NOT_FOUND);
}

static Str common_prefix(Str a, Str b)
{
    size_t len = 0;
    while (len < a.len && len < b.len && a.ptr[len] == b.ptr[len]) {
        len++;
    }
    return str_take(a, len);
}

/* The prefix, and whether the node matches exactly that text and nothing else. */
/* NOLINTNEXTLINE(misc-no-recursion): the parser bounds the depth with REGEX_NEST_MAX */
static Str prefix_of(const RegexNode *node, Arena *arena, bool *ret_exact)
{
    *ret_exact = false;
    switch (node->op) {
    case REGEX_LITERAL:
        if (node->fold || str_contains(node->text, S("\xEF\xBF\xBD"))) {
            return STR_EMPTY;
        }
        *ret_exact = true;
        return node->text;
    case REGEX_TEXT_BEGIN:
    case REGEX_TEXT_END:
        *ret_exact = true;
        return STR_EMPTY;
    case REGEX_GROUP:
        return prefix_of(node->first, arena, ret_exact);
    case REGEX_REPEAT: {
        bool exact;
        return node->min > 0 ? prefix_of(node->first, arena, &exact) : STR_EMPTY;
    }
    case REGEX_CONCAT: {
        Str prefix = STR_EMPTY;
        *ret_exact = true;
        for (const RegexNode *child = node->first; child && *ret_exact; child = child->next) {
            Str part = prefix_of(child, arena, ret_exact);
            if (part.len > 0 && !join_literals(arena, prefix, part, &prefix)) {
                *ret_exact = false;
            }
        }
        return prefix;
    }
    case REGEX_ALTERNATE: {
        bool exact;
        Str prefix = prefix_of(node->first, arena, &exact);
        for (const RegexNode *child = node->first->next; child && prefix.len > 0;
             child = child->next) {
            prefix = common_prefix(prefix, prefix_of(child, arena, &exact));
        }
        return prefix;
    }
    default:
        return STR_EMPTY;
    }
}

Str regex_node_prefix(const RegexNode *node, Arena *arena)
{
    bool exact;
    return prefix_of(node, arena, &exact);
}
