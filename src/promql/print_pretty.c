/*
 * Print, folded: an expression that does not fit a line is taken apart, its operands indented by
 * one level more, each in the same way. See print.h.
 *
 * Layer: promql. Memory: the caller's Buf. Thread: any.
 */
#include "promql/functions.h"
#include "promql/print.h"

static void pretty(Buf *out, const Node *node, u32 level);

static void indent(Buf *out, u32 level)
{
    for (u32 i = 0; i < level; i++) {
        buf_lit(out, "  ");
    }
}

static bool fits_line(const Node *node)
{
    Buf line;
    buf_init(&line, PRETTY_LINE_MAX);
    node_print(&line, node);
    bool fits = !line.overflowed;
    buf_done(&line);
    return fits;
}

static void close_paren(Buf *out, u32 level)
{
    buf_byte(out, '\n');
    indent(out, level);
    buf_byte(out, ')');
}

static void pretty_aggregate(Buf *out, const Node *node, u32 level)
{
    print_aggregate_head(out, node);
    buf_lit(out, "(\n");
    if (node->aggregate.param) {
        pretty(out, node->aggregate.param, level + 1);
        buf_lit(out, ",\n");
    }
    pretty(out, node->aggregate.expr, level + 1);
    close_paren(out, level);
}

static void pretty_call(Buf *out, const Node *node, u32 level)
{
    buf_str(out, node->call.function->name);
    buf_lit(out, "(\n");
    for (size_t i = 0; i < node->call.arg_count; i++) {
        buf_str(out, i > 0 ? S(",\n") : S(""));
        pretty(out, node->call.args[i], level + 1);
    }
    close_paren(out, level);
}

static void pretty_binary(Buf *out, const Node *node, u32 level)
{
    if (print_needs_parens(node)) {
        indent(out, level + 1);
        buf_lit(out, "(\n");
        pretty(out, node->binary.lhs, level + 2);
        close_paren(out, level + 1);
    } else {
        pretty(out, node->binary.lhs, level + 1);
    }
    buf_byte(out, '\n');
    indent(out, level);
    print_operator(out, node);
    buf_byte(out, '\n');
    pretty(out, node->binary.rhs, level + 1);
}

/* The operand follows the sign at once: its own indentation is taken away again. */
static void pretty_unary(Buf *out, const Node *node, u32 level)
{
    Buf operand;
    buf_init(&operand, out->max);
    pretty(&operand, node->unary.expr, level);
    indent(out, level);
    buf_byte(out, node->unary.negative ? '-' : '+');
    buf_str(out, str_trim(buf_view(&operand)));
    out->overflowed = out->overflowed || operand.overflowed;
    buf_done(&operand);
}

/* An expression too long for a line; the indentation of its first line is for it to write. */
static void pretty_folded(Buf *out, const Node *node, u32 level)
{
    switch (node->kind) {
    case NODE_BINARY:
        pretty_binary(out, node, level);
        return;
    case NODE_SUBQUERY:
        pretty(out, node->subquery.expr, level);
        print_subquery_tail(out, node);
        return;
    default:
        break;
    }
    indent(out, level);
    switch (node->kind) {
    case NODE_AGGREGATE:
        pretty_aggregate(out, node, level);
        return;
    case NODE_CALL:
        pretty_call(out, node, level);
        return;
    case NODE_PAREN:
        buf_lit(out, "(\n");
        pretty(out, node->paren.expr, level + 1);
        close_paren(out, level);
        return;
    default:
        node_print(out, node); /* literals and selectors stay on their line */
    }
}

static void pretty(Buf *out, const Node *node, u32 level)
{
    if (out->overflowed) {
        return;
    }
    if (node->kind == NODE_STEP_INVARIANT) {
        pretty(out, node->paren.expr, level);
        return;
    }
    if (node->kind == NODE_UNARY) {
        pretty_unary(out, node, level);
        return;
    }
    if (!fits_line(node)) {
        pretty_folded(out, node, level);
        return;
    }
    if (node->kind != NODE_SUBQUERY) { /* a short one is not indented: so does the original */
        indent(out, level);
    }
    node_print(out, node);
}

void node_pretty(Buf *out, const Node *node)
{
    pretty(out, node, 0);
}
