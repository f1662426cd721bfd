/*
 * Regex syntax: a recursive-descent parser of RE2's language. What RE2 lacks (look-around,
 * back-references, possessive and atomic groups, recursion, …) fails here, in Go's words, so that
 * PCRE2 never sees a pattern that RE2 would not take.
 *
 * Layer: codec. Memory: the caller's arena. Thread: any.
 */
#include "codec/regex_syntax.h"

#include "base/utf8.h"
#include "codec/regex.h"

#include <string.h>

/* Why a pattern is refused, in Go's words. */
static const char bad_escape[] = "invalid escape sequence";
static const char bad_range[] = "invalid character class range";
static const char bad_name[] = "invalid named capture";
static const char bad_perl[] = "invalid or unsupported Perl syntax";
static const char bad_stacking[] = "invalid nested repetition operator";
static const char bad_count[] = "invalid repeat count";
static const char bad_utf8[] = "invalid UTF-8";
static const char no_bracket[] = "missing closing ]";
static const char no_paren[] = "missing closing )";
static const char no_argument[] = "missing argument to repetition operator";
static const char stray_backslash[] = "trailing backslash at end of expression";
static const char stray_paren[] = "unexpected )";
static const char too_deep[] = "expression nests too deeply";

/* What (?imsU) switches. */
typedef struct Modes {
    bool fold;
    bool multi_line;
    bool dot_all;
    bool ungreedy;
} Modes;

typedef struct Parser {
    Str whole;
    Str rest; /* what has not been read; its end is the end of `whole` */
    Modes modes;
    u32 depth;
    Arena *arena;
    char *literals; /* bytes of all literals in order: never more than the pattern has */
    size_t literals_len;
    RegexTree tree;
    size_t names_capacity;
    Err *err;
} Parser;

/* What (?flags) stands for: nothing that could be repeated. Never changed. */
static RegexNode mode_switch = {.op = REGEX_CONCAT};

static RegexNode *parse_alternate(Parser *p);

/* Fails with the part of the pattern from `from` up to what has not been read. */
static bool refuse_part(Parser *p, const char *why, Str from, size_t len)
{
    (void)err_set_pos(p->err, ERR_INVALID, (size_t)(from.ptr - p->whole.ptr),
                      "error parsing regexp: %s: `" STR_FMT "`", why, (int)len, from.ptr);
    return false;
}

static bool refuse_read(Parser *p, const char *why, Str from)
{
    return refuse_part(p, why, from, from.len - p->rest.len);
}

static bool refuse_rest(Parser *p, const char *why, Str from)
{
    return refuse_part(p, why, from, from.len);
}

static bool at_byte(const Parser *p, char byte)
{
    return p->rest.len > 0 && p->rest.ptr[0] == byte;
}

static bool skip_byte(Parser *p, char byte)
{
    if (!at_byte(p, byte)) {
        return false;
    }
    p->rest = str_skip(p->rest, 1);
    return true;
}

/* The pattern is valid UTF-8 (checked at the start), and not used up. */
static u32 next_rune(Parser *p)
{
    u32 rune;
    p->rest = str_skip(p->rest, utf8_decode(p->rest, &rune));
    return rune;
}

static RegexNode *new_node(Parser *p, RegexOp op)
{
    RegexNode *node = ARENA_NEW(p->arena, RegexNode, 1);
    if (!node) {
        (void)arena_full(p->arena, p->err);
        return NULL;
    }
    node->op = op;
    node->repeat_weight = 1;
    return node;
}

static void add_child(RegexNode *parent, RegexNode *child)
{
    if (parent->last) {
        parent->last->next = child;
    } else {
        parent->first = child;
    }
    parent->last = child;
    parent->repeat_weight = MAX(parent->repeat_weight, child->repeat_weight);
}

static RegexNode *new_class(Parser *p)
{
    RegexNode *node = new_node(p, REGEX_CLASS);
    if (!node) {
        return NULL;
    }
    node->fold = p->modes.fold;
    node->class = ARENA_NEW(p->arena, RegexClass, 1);
    if (!node->class) {
        (void)arena_full(p->arena, p->err);
        return NULL;
    }
    return node;
}

static RegexNode *new_literal(Parser *p, u32 rune)
{
    if (rune >= 0xD800 && rune <= 0xDFFF) {
        return new_class(p); /* a surrogate never occurs in text: a set of nothing */
    }
    RegexNode *node = new_node(p, REGEX_LITERAL);
    if (!node) {
        return NULL;
    }
    node->fold = p->modes.fold;
    char *to = p->literals + p->literals_len;
    node->text = (Str){.ptr = to, .len = utf8_encode(rune, to)};
    p->literals_len += node->text.len;
    return node;
}

static i32 hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* What follows \x: two hex digits, or any number in braces. */
static bool parse_hex(Parser *p, Str from, u32 *ret)
{
    bool braces = skip_byte(p, '{');
    u32 rune = 0;
    size_t digits = 0;
    while (braces ? !at_byte(p, '}') : digits < 2) {
        i32 digit = p->rest.len > 0 ? hex_digit(p->rest.ptr[0]) : -1;
        if (p->rest.len > 0) {
            (void)next_rune(p);
        }
        if (digit < 0) {
            return refuse_read(p, bad_escape, from);
        }
        rune = rune * 16 + (u32)digit;
        digits++;
        if (rune > RUNE_LAST) {
            return refuse_read(p, bad_escape, from);
        }
    }
    if (digits == 0) {
        return refuse_read(p, bad_escape, from);
    }
    (void)(braces && skip_byte(p, '}'));
    *ret = rune;
    return true;
}

static bool is_octal(const Parser *p)
{
    return p->rest.len > 0 && p->rest.ptr[0] >= '0' && p->rest.ptr[0] <= '7';
}

static bool is_word_byte(u32 c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

/* An escape that stands for one code point, inside and outside of classes. */
static bool parse_escape(Parser *p, u32 *ret)
{
    static const struct {
        char letter;
        char rune;
    } controls[] = {{'a', '\a'}, {'f', '\f'}, {'n', '\n'}, {'r', '\r'}, {'t', '\t'}, {'v', '\v'}};

    Str from = p->rest;
    (void)skip_byte(p, '\\');
    if (p->rest.len == 0) {
        return refuse_part(p, stray_backslash, p->rest, 0);
    }
    u32 c = next_rune(p);
    if (c == 'x') {
        return parse_hex(p, from, ret);
    }
    /* \1 to \7 alone would be back-references; with a second octal digit they are code points. */
    if (c == '0' || (c >= '1' && c <= '7' && is_octal(p))) {
        u32 rune = c - '0';
        for (int i = 0; i < 2 && is_octal(p); i++) {
            rune = rune * 8 + (next_rune(p) - '0');
        }
        *ret = rune;
        return true;
    }
    for (size_t i = 0; i < COUNT_OF(controls); i++) {
        if (c == (u32)controls[i].letter) {
            *ret = (u32)controls[i].rune;
            return true;
        }
    }
    if (c >= 0x80 || (is_word_byte(c) && c != '_')) {
        return refuse_read(p, bad_escape, from);
    }
    *ret = c;
    return true;
}

/* \pN or \p{Name} at the front; false on error. */
static bool parse_property(Parser *p, RegexClass *class)
{
    Str from = p->rest;
    bool negated = p->rest.ptr[1] == 'P';
    p->rest = str_skip(p->rest, 2);
    Str name = p->rest;
    if (skip_byte(p, '{')) {
        size_t len = str_find_byte(p->rest, '}');
        if (len == STR_NOT_FOUND) {
            return refuse_rest(p, bad_range, from);
        }
        name = str_take(p->rest, len);
        p->rest = str_skip(p->rest, len + 1);
        if (str_skip_prefix(&name, S("^"))) {
            negated = !negated;
        }
    } else if (p->rest.len > 0) {
        (void)next_rune(p);
        name = str_range(name.ptr, p->rest.ptr);
    }
    bool known;
    if (!regex_class_add_property(p->arena, class, name, negated, p->modes.fold, &known)) {
        return arena_full(p->arena, p->err);
    }
    return known || refuse_read(p, bad_range, from);
}

/* [:alpha:] at the front of *p; *ret_found false when it is only a bracket. */
static bool parse_posix(Parser *p, RegexClass *class, bool *ret_found)
{
    Str from = p->rest;
    Str name = str_skip(p->rest, 2);
    size_t len = str_find(name, S(":]"));
    *ret_found = len != STR_NOT_FOUND;
    if (!*ret_found) {
        return true;
    }
    name = str_take(name, len);
    p->rest = str_skip(p->rest, len + 4);
    bool negated = str_skip_prefix(&name, S("^"));
    bool known;
    if (!regex_class_add_posix(p->arena, class, name, negated, p->modes.fold, &known)) {
        return arena_full(p->arena, p->err);
    }
    return known || refuse_read(p, bad_range, from);
}

static bool parse_class_rune(Parser *p, Str class_from, u32 *ret)
{
    if (p->rest.len == 0) {
        return refuse_rest(p, no_bracket, class_from);
    }
    if (at_byte(p, '\\')) {
        return parse_escape(p, ret);
    }
    *ret = next_rune(p);
    return true;
}

static bool is_property(Str s)
{
    return str_starts_with(s, S("\\p")) || str_starts_with(s, S("\\P"));
}

static bool is_perl_class(Str s)
{
    return s.len >= 2 && s.ptr[0] == '\\' && regex_class_is_perl(s.ptr[1]);
}

/* One member of a class: a named set, a code point or a range of them. */
static bool parse_class_member(Parser *p, RegexClass *class, Str class_from)
{
    if (p->rest.len > 2 && str_starts_with(p->rest, S("[:"))) {
        bool found;
        if (!parse_posix(p, class, &found)) {
            return false;
        }
        if (found) {
            return true;
        }
    }
    if (is_property(p->rest)) {
        return parse_property(p, class);
    }
    if (is_perl_class(p->rest)) {
        char letter = p->rest.ptr[1];
        p->rest = str_skip(p->rest, 2);
        return regex_class_add_perl(p->arena, class, letter, p->modes.fold) ||
               arena_full(p->arena, p->err);
    }
    Str from = p->rest;
    u32 low;
    if (!parse_class_rune(p, class_from, &low)) {
        return false;
    }
    u32 high = low;
    if (p->rest.len >= 2 && p->rest.ptr[0] == '-' && p->rest.ptr[1] != ']') {
        (void)skip_byte(p, '-');
        if (!parse_class_rune(p, class_from, &high)) {
            return false;
        }
        if (high < low) {
            return refuse_read(p, bad_range, from);
        }
    }
    class->cased |= high >= 0x80 || (low <= 'z' && high >= 'A');
    return regex_class_add(p->arena, class, low, high) || arena_full(p->arena, p->err);
}

static RegexNode *parse_class(Parser *p)
{
    Str from = p->rest;
    RegexNode *node = new_class(p);
    if (!node) {
        return NULL;
    }
    (void)skip_byte(p, '[');
    node->class->negated = skip_byte(p, '^');
    bool first = true; /* a ] right at the start is a member */
    while (first || !at_byte(p, ']')) {
        first = false;
        if (!parse_class_member(p, node->class, from)) {
            return NULL;
        }
    }
    (void)skip_byte(p, ']');
    /* The named sets are closed under folding already; PCRE2 would fold their large complements
     * code point by code point. */
    node->fold &= node->class->cased;
    return node;
}

static bool group_name_valid(Str name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (!is_word_byte((u8)name.ptr[i])) {
            return false;
        }
    }
    return name.len > 0;
}

/* Keeps the name of a new group and returns its number, 0 past the arena's limit. */
static u32 add_group(Parser *p, Str name)
{
    RegexTree *tree = &p->tree;
    if (tree->group_count + 1 >= p->names_capacity) {
        size_t capacity = p->names_capacity ? p->names_capacity * 2 : 8;
        Str *names = ARENA_NEW(p->arena, Str, capacity);
        if (!names) {
            (void)arena_full(p->arena, p->err);
            return 0;
        }
        if (p->names_capacity > 0) {
            memcpy(names, tree->group_names, p->names_capacity * sizeof(*names));
        }
        tree->group_names = names;
        p->names_capacity = capacity;
    }
    tree->group_names[++tree->group_count] = name;
    return (u32)tree->group_count;
}

/* The inside of a group up to its ), with the modes of the outside put back behind it. */
static RegexNode *parse_group_body(Parser *p, Modes outside)
{
    if (++p->depth > REGEX_NEST_MAX) {
        (void)refuse_rest(p, too_deep, p->whole);
        return NULL;
    }
    RegexNode *body = parse_alternate(p);
    p->depth--;
    p->modes = outside;
    if (body && !skip_byte(p, ')')) {
        (void)refuse_rest(p, no_paren, p->whole);
        return NULL;
    }
    return body;
}

static RegexNode *parse_capture(Parser *p, Str name)
{
    RegexNode *node = new_node(p, REGEX_GROUP);
    u32 group = node ? add_group(p, name) : 0;
    if (group == 0) {
        return NULL;
    }
    node->group = group;
    RegexNode *body = parse_group_body(p, p->modes);
    if (!body) {
        return NULL;
    }
    add_child(node, body);
    return node;
}

/* (?P<name>…) or (?<name>…), with p->rest at the "(". */
static RegexNode *parse_named_capture(Parser *p, size_t name_at)
{
    Str from = p->rest;
    size_t end = str_find_byte(from, '>');
    if (end == STR_NOT_FOUND) {
        (void)refuse_rest(p, bad_name, from);
        return NULL;
    }
    Str name = str_slice(from, name_at, end);
    p->rest = str_skip(from, end + 1);
    if (!group_name_valid(name)) {
        (void)refuse_read(p, bad_name, from);
        return NULL;
    }
    return parse_capture(p, name);
}

static bool set_mode(Modes *modes, char letter, bool on)
{
    switch (letter) {
    case 'i':
        modes->fold = on;
        return true;
    case 'm':
        modes->multi_line = on;
        return true;
    case 's':
        modes->dot_all = on;
        return true;
    case 'U':
        modes->ungreedy = on;
        return true;
    default:
        return false;
    }
}

/* (?flags) and (?flags:…), with p->rest at the "(". (?flags) gives mode_switch. */
static RegexNode *parse_modes(Parser *p)
{
    Str from = p->rest;
    p->rest = str_skip(p->rest, 2);
    Modes outside = p->modes;
    Modes modes = outside;
    bool minus = false;
    bool after_minus = false; /* a letter stood behind the minus */
    while (p->rest.len > 0) {
        u32 c = next_rune(p);
        if (c == '-' && !minus) {
            minus = true;
        } else if ((c == ':' || c == ')') && minus == after_minus) {
            p->modes = modes;
            return c == ':' ? parse_group_body(p, outside) : &mode_switch;
        } else if (c < 0x80 && set_mode(&modes, (char)c, !minus)) {
            after_minus = minus;
        } else {
            break;
        }
    }
    (void)refuse_read(p, bad_perl, from);
    return NULL;
}

static RegexNode *parse_group(Parser *p)
{
    if (p->rest.len > 4 && str_starts_with(p->rest, S("(?P<"))) {
        return parse_named_capture(p, 4);
    }
    if (p->rest.len > 3 && str_starts_with(p->rest, S("(?<"))) {
        return parse_named_capture(p, 3);
    }
    if (str_starts_with(p->rest, S("(?"))) {
        return parse_modes(p);
    }
    (void)skip_byte(p, '(');
    return parse_capture(p, STR_EMPTY);
}

/* \A \z \b \B, which stand for a place and not for a code point. */
static bool edge_of(Str s, RegexOp *ret)
{
    static const struct {
        char letter;
        RegexOp op;
    } edges[] = {{'A', REGEX_TEXT_BEGIN},
                 {'z', REGEX_TEXT_END},
                 {'b', REGEX_WORD_EDGE},
                 {'B', REGEX_NOT_WORD_EDGE}};
    for (size_t i = 0; i < COUNT_OF(edges); i++) {
        if (s.len >= 2 && s.ptr[1] == edges[i].letter) {
            *ret = edges[i].op;
            return true;
        }
    }
    return false;
}

static RegexNode *parse_backslash(Parser *p)
{
    RegexOp edge;
    if (edge_of(p->rest, &edge)) {
        p->rest = str_skip(p->rest, 2);
        return new_node(p, edge);
    }
    if (is_property(p->rest) || is_perl_class(p->rest)) {
        RegexNode *node = new_class(p);
        if (!node || !parse_class_member(p, node->class, p->rest)) {
            return NULL;
        }
        node->fold = false; /* as in parse_class */
        return node;
    }
    u32 rune;
    return parse_escape(p, &rune) ? new_literal(p, rune) : NULL;
}

/* One thing that a repetition may follow; NULL on error. */
static RegexNode *parse_atom(Parser *p)
{
    switch (p->rest.ptr[0]) {
    case '(':
        return parse_group(p);
    case '[':
        return parse_class(p);
    case '\\':
        return parse_backslash(p);
    case '.':
        (void)skip_byte(p, '.');
        return new_node(p, p->modes.dot_all ? REGEX_ANY : REGEX_ANY_BUT_NEWLINE);
    case '^':
        (void)skip_byte(p, '^');
        return new_node(p, p->modes.multi_line ? REGEX_LINE_BEGIN : REGEX_TEXT_BEGIN);
    case '$':
        (void)skip_byte(p, '$');
        return new_node(p, p->modes.multi_line ? REGEX_LINE_END : REGEX_TEXT_END);
    default:
        return new_literal(p, next_rune(p));
    }
}

/* A decimal number without leading zeros, capped just past the limit; -1 when there is none. */
static i32 parse_count(Str *s)
{
    i32 count = -1;
    size_t digits = 0;
    while (s->len > 0 && s->ptr[0] >= '0' && s->ptr[0] <= '9') {
        if (digits == 1 && count == 0) {
            return -1;
        }
        count = MIN(MAX(count, 0) * 10 + (s->ptr[0] - '0'), REGEX_REPEAT_MAX + 1);
        *s = str_skip(*s, 1);
        digits++;
    }
    return count;
}

/* {n}, {n,} or {n,m}; anything else with a brace is literal text. */
static bool parse_braces(Str *s, i32 *ret_min, i32 *ret_max)
{
    Str rest = str_skip(*s, 1);
    i32 min = parse_count(&rest);
    i32 max = min;
    if (min < 0) {
        return false;
    }
    if (str_skip_prefix(&rest, S(","))) {
        max = rest.len > 0 && rest.ptr[0] == '}' ? REGEX_UNBOUNDED : parse_count(&rest);
        if (max < 0 && !(rest.len > 0 && rest.ptr[0] == '}')) {
            return false;
        }
    }
    if (!str_skip_prefix(&rest, S("}"))) {
        return false;
    }
    *s = rest;
    *ret_min = min;
    *ret_max = max;
    return true;
}

/* Moves behind a repetition operator (without its ?) when one stands at the front. */
static bool skip_repetition(Parser *p, i32 *ret_min, i32 *ret_max)
{
    if (p->rest.len == 0) {
        return false;
    }
    switch (p->rest.ptr[0]) {
    case '*':
        *ret_min = 0;
        *ret_max = REGEX_UNBOUNDED;
        break;
    case '+':
        *ret_min = 1;
        *ret_max = REGEX_UNBOUNDED;
        break;
    case '?':
        *ret_min = 0;
        *ret_max = 1;
        break;
    case '{':
        return parse_braces(&p->rest, ret_min, ret_max);
    default:
        return false;
    }
    p->rest = str_skip(p->rest, 1);
    return true;
}

/* Wraps *atom when a repetition follows it. */
static bool parse_repetition(Parser *p, RegexNode **atom)
{
    Str from = p->rest;
    i32 min;
    i32 max;
    if (!skip_repetition(p, &min, &max)) {
        return true;
    }
    Str operator_end = p->rest;
    bool lazy = skip_byte(p, '?');
    if (min > REGEX_REPEAT_MAX || max > REGEX_REPEAT_MAX || (max >= 0 && min > max)) {
        return refuse_part(p, bad_count, from, from.len - operator_end.len);
    }
    RegexNode *node = new_node(p, REGEX_REPEAT);
    if (!node) {
        return false;
    }
    add_child(node, *atom);
    node->greedy = lazy == p->modes.ungreedy;
    node->min = min;
    node->max = max;
    i32 count = max >= 0 ? max : min;
    if (count >= 2) {
        if (node->repeat_weight * count > REGEX_REPEAT_MAX) {
            return refuse_part(p, bad_count, from, from.len - p->rest.len);
        }
        node->repeat_weight *= count;
    }
    /* x** and x*+ mean something else in Perl; RE2 wants them written clearly. */
    if (skip_repetition(p, &min, &max)) {
        (void)skip_byte(p, '?');
        return refuse_read(p, bad_stacking, from);
    }
    *atom = node;
    return true;
}

/* Appends to a concatenation; neighbouring literals become one. */
static void append(RegexNode *concat, RegexNode *node)
{
    RegexNode *last = concat->last;
    if (node->op == REGEX_LITERAL && last && last->op == REGEX_LITERAL &&
        last->fold == node->fold && last->text.ptr + last->text.len == node->text.ptr) {
        last->text.len += node->text.len;
        return;
    }
    if (node->op == REGEX_CONCAT && !node->first) {
        return; /* (?:) */
    }
    add_child(concat, node);
}

/* \Q…\E: everything literal; the last code point may be repeated. */
static bool parse_quoted(Parser *p, RegexNode *concat)
{
    p->rest = str_skip(p->rest, 2);
    while (p->rest.len > 0 && !str_skip_prefix(&p->rest, S("\\E"))) {
        RegexNode *node = new_literal(p, next_rune(p));
        if (!node) {
            return false;
        }
        bool last = p->rest.len == 0 || str_starts_with(p->rest, S("\\E"));
        (void)str_skip_prefix(&p->rest, S("\\E"));
        if (last && !parse_repetition(p, &node)) {
            return false;
        }
        append(concat, node);
        if (last) {
            break;
        }
    }
    return true;
}

static bool parse_piece(Parser *p, RegexNode *concat)
{
    Str from = p->rest;
    i32 min;
    i32 max;
    if (skip_repetition(p, &min, &max)) {
        (void)skip_byte(p, '?');
        return refuse_read(p, no_argument, from);
    }
    if (str_starts_with(p->rest, S("\\Q"))) {
        return parse_quoted(p, concat);
    }
    RegexNode *atom = parse_atom(p);
    if (atom == &mode_switch) {
        return true;
    }
    if (!atom || !parse_repetition(p, &atom)) {
        return false;
    }
    append(concat, atom);
    return true;
}

static RegexNode *parse_concat(Parser *p)
{
    RegexNode *concat = new_node(p, REGEX_CONCAT);
    while (concat && p->rest.len > 0 && !at_byte(p, '|') && !at_byte(p, ')')) {
        if (!parse_piece(p, concat)) {
            return NULL;
        }
    }
    return concat && concat->first && concat->first == concat->last ? concat->first : concat;
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by REGEX_NEST_MAX */
static RegexNode *parse_alternate(Parser *p)
{
    RegexNode *branch = parse_concat(p);
    if (!branch || !at_byte(p, '|')) {
        return branch;
    }
    RegexNode *node = new_node(p, REGEX_ALTERNATE);
    if (!node) {
        return NULL;
    }
    add_child(node, branch);
    while (skip_byte(p, '|')) {
        branch = parse_concat(p);
        if (!branch) {
            return NULL;
        }
        add_child(node, branch);
    }
    return node;
}

static bool check_utf8(Parser *p)
{
    if (utf8_valid(p->whole)) {
        return true;
    }
    Str rest = p->whole;
    for (;;) {
        u32 rune;
        size_t len = utf8_decode(rest, &rune);
        if (rune == RUNE_INVALID && len == 1) {
            return refuse_rest(p, bad_utf8, rest);
        }
        rest = str_skip(rest, len);
    }
}

bool regex_parse(Str pattern, u32 flags, Arena *arena, RegexTree *ret, Err *err)
{
    Parser p = {
        .whole = pattern,
        .rest = pattern,
        .modes = {.fold = flags & REGEX_IGNORE_CASE, .dot_all = flags & REGEX_DOT_ALL},
        .arena = arena,
        .err = err,
    };
    if (pattern.len > REGEX_PATTERN_MAX) {
        return err_set(err, ERR_LIMIT, "regular expression of %zu bytes is longer than %d",
                       pattern.len, REGEX_PATTERN_MAX);
    }
    if (!check_utf8(&p)) {
        return false;
    }
    p.literals = ARENA_NEW(arena, char, pattern.len + UTF8_MAX);
    if (!p.literals) {
        return arena_full(arena, err);
    }
    p.tree.root = parse_alternate(&p);
    if (!p.tree.root) {
        return false;
    }
    if (p.rest.len > 0) {
        return refuse_rest(&p, stray_paren, pattern);
    }
    *ret = p.tree;
    return true;
}
