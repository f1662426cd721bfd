/*
 * Regex emission: a tree as a PCRE2 pattern. The options are fixed (UTF, DOTALL, newline LF) and
 * everything that PCRE2 could read differently is written out: \A and \z for ^ and $, code points
 * as \x{…}, case folding as a group of its own.
 *
 * Layer: codec. Memory: the caller's Buf. Thread: any.
 */
#include "codec/regex_syntax.h"

#include "base/utf8.h"

static const u32 surrogate_first = 0xD800;
static const u32 surrogate_last = 0xDFFF;

static void emit_literal(Buf *out, Str text)
{
    for (size_t i = 0; i < text.len; i++) {
        u8 c = (u8)text.ptr[i];
        bool plain = c >= 0x80 || c == '_' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                     (c >= 'a' && c <= 'z');
        if (c < ' ' || c == 0x7F) {
            buf_printf(out, "\\x{%x}", (unsigned)c);
            continue;
        }
        if (!plain) {
            buf_byte(out, '\\');
        }
        buf_byte(out, c);
    }
}

/* PCRE2 refuses surrogates, which no text holds: such a range is written without them. */
static bool clip(RegexRange *range)
{
    if (range->low >= surrogate_first && range->low <= surrogate_last) {
        range->low = surrogate_last + 1;
    }
    if (range->high >= surrogate_first && range->high <= surrogate_last) {
        range->high = surrogate_first - 1;
    }
    return range->low <= range->high;
}

static void emit_class(Buf *out, const RegexClass *class)
{
    size_t written = 0;
    size_t before = out->len;
    buf_str(out, class->negated ? S("[^") : S("["));
    for (size_t i = 0; i < class->range_count; i++) {
        RegexRange range = class->ranges[i];
        if (clip(&range)) {
            buf_printf(out, "\\x{%x}-\\x{%x}", range.low, range.high);
            written++;
        }
    }
    for (size_t i = 0; i < class->property_count; i++) {
        buf_str(out, class->properties[i]);
        written++;
    }
    if (written > 0) {
        buf_byte(out, ']');
        return;
    }
    out->len = before; /* PCRE2 has no empty set */
    buf_str(out, class->negated ? S(".") : S("(?!)"));
}

static void emit_folding(Buf *out, const RegexNode *node, bool caseless)
{
    bool switched = node->fold != caseless;
    if (switched) {
        buf_str(out, node->fold ? S("(?i:") : S("(?-i:"));
    }
    if (node->op == REGEX_CLASS) {
        emit_class(out, node->class);
    } else {
        emit_literal(out, node->text);
    }
    if (switched) {
        buf_byte(out, ')');
    }
}

/* Is what the node emits one item for PCRE2, so that its fast loops over one item apply? */
static bool is_single(const RegexNode *node, bool caseless)
{
    switch (node->op) {
    case REGEX_ANY:
    case REGEX_ANY_BUT_NEWLINE:
    case REGEX_GROUP:
        return true;
    case REGEX_CLASS:
        return node->fold == caseless;
    case REGEX_LITERAL:
        return node->fold == caseless && utf8_count(node->text) == 1;
    default:
        return false;
    }
}

static void emit_repeat(Buf *out, const RegexNode *node, bool caseless)
{
    bool single = is_single(node->first, caseless);
    if (!single) {
        buf_lit(out, "(?:");
    }
    regex_emit(out, node->first, caseless);
    if (!single) {
        buf_byte(out, ')');
    }
    if (node->max == REGEX_UNBOUNDED) {
        if (node->min <= 1) {
            buf_byte(out, node->min == 0 ? '*' : '+');
        } else {
            buf_printf(out, "{%d,}", node->min);
        }
    } else if (node->min == 0 && node->max == 1) {
        buf_byte(out, '?');
    } else {
        buf_printf(out, "{%d,%d}", node->min, node->max);
    }
    if (!node->greedy) {
        buf_byte(out, '?');
    }
}

static void emit_alternate(Buf *out, const RegexNode *node, bool caseless)
{
    buf_lit(out, "(?:");
    for (const RegexNode *child = node->first; child; child = child->next) {
        regex_emit(out, child, caseless);
        if (child->next) {
            buf_byte(out, '|');
        }
    }
    buf_byte(out, ')');
}

/* NOLINTNEXTLINE(misc-no-recursion): the parser bounds the depth with REGEX_NEST_MAX */
void regex_emit(Buf *out, const RegexNode *node, bool caseless)
{
    switch (node->op) {
    case REGEX_LITERAL:
    case REGEX_CLASS:
        emit_folding(out, node, caseless);
        return;
    case REGEX_ANY:
        buf_byte(out, '.');
        return;
    case REGEX_ANY_BUT_NEWLINE:
        buf_lit(out, "\\N");
        return;
    case REGEX_TEXT_BEGIN:
        buf_lit(out, "\\A");
        return;
    case REGEX_TEXT_END:
        buf_lit(out, "\\z");
        return;
    case REGEX_LINE_BEGIN: /* PCRE2's own ^ does not match behind a last newline */
        buf_lit(out, "(?:\\A|(?<=\\n))");
        return;
    case REGEX_LINE_END:
        buf_lit(out, "(?=\\n|\\z)");
        return;
    case REGEX_WORD_EDGE:
        buf_lit(out, "\\b");
        return;
    case REGEX_NOT_WORD_EDGE:
        buf_lit(out, "\\B");
        return;
    case REGEX_GROUP:
        buf_byte(out, '(');
        regex_emit(out, node->first, caseless);
        buf_byte(out, ')');
        return;
    case REGEX_CONCAT:
        for (const RegexNode *child = node->first; child; child = child->next) {
            regex_emit(out, child, caseless);
        }
        return;
    case REGEX_ALTERNATE:
        emit_alternate(out, node, caseless);
        return;
    case REGEX_REPEAT:
        emit_repeat(out, node, caseless);
        return;
    }
}
