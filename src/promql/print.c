/* Print: see print.h. Layer: promql. Memory: the caller's Buf. Thread: any. */
#include "promql/print.h"

#include "base/mem.h"
#include "base/quote.h"
#include "base/time.h"
#include "codec/number.h"
#include "promql/functions.h"

#include <math.h>
#include <stdlib.h>

static void print_number(Buf *out, const Node *node)
{
    f64 value = node->number.value;
    if (!node->number.is_duration) {
        buf_f64_f(out, value);
        return;
    }
    if (value < 0) {
        buf_byte(out, '-');
    }
    duration_format(out, (i64)round(fabs(value) * 1e3));
}

static void print_labels(Buf *out, const Str *labels, size_t count)
{
    buf_byte(out, '(');
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            buf_lit(out, ", ");
        }
        if (label_name_legacy_valid(labels[i])) {
            buf_str(out, labels[i]);
        } else {
            quote_go(out, labels[i]);
        }
    }
    buf_byte(out, ')');
}

static void print_two(Buf *out, Str name, const Node *node)
{
    buf_str(out, name);
    buf_byte(out, '(');
    node_print(out, node->duration.left);
    buf_lit(out, ", ");
    node_print(out, node->duration.right);
    buf_byte(out, ')');
}

static void print_duration_parts(Buf *out, const Node *node)
{
    static const char signs[] = "+-*/%^";
    switch (node->duration.op) {
    case DURATION_STEP:
        buf_lit(out, "step()");
        return;
    case DURATION_RANGE:
        buf_lit(out, "range()");
        return;
    case DURATION_MIN_OF:
        print_two(out, S("min_of"), node);
        return;
    case DURATION_MAX_OF:
        print_two(out, S("max_of"), node);
        return;
    case DURATION_MINUS:
        buf_byte(out, '-');
        node_print(out, node->duration.right);
        return;
    case DURATION_PLUS: /* without its sign: it may only say that there were parentheses */
        node_print(out, node->duration.right);
        return;
    default:
        node_print(out, node->duration.left);
        buf_printf(out, " %c ", signs[node->duration.op]);
        node_print(out, node->duration.right);
    }
}

static void print_duration(Buf *out, const Node *node)
{
    if (node->duration.wrapped) {
        buf_byte(out, '(');
    }
    print_duration_parts(out, node);
    if (node->duration.wrapped) {
        buf_byte(out, ')');
    }
}

static void print_at(Buf *out, const TimeShift *shift)
{
    char text[F64_TEXT_MAX];
    switch (shift->at) {
    case AT_NONE:
        break;
    case AT_TIME:
        buf_lit(out, " @ ");
        buf_put(out, text, f64_format_fixed(text, (f64)shift->at_ms / 1000.0, 3));
        break;
    case AT_START:
        buf_lit(out, " @ start()");
        break;
    case AT_END:
        buf_lit(out, " @ end()");
        break;
    }
}

/* Where the text of a duration starts: the plus is not written. */
static const Node *first_of(const Node *duration)
{
    while (duration->kind == NODE_DURATION && !duration->duration.wrapped) {
        if (duration->duration.op == DURATION_PLUS) {
            duration = duration->duration.right;
        } else if (duration->duration.op <= DURATION_POW) {
            duration = duration->duration.left;
        } else {
            break;
        }
    }
    return duration;
}

static bool starts_with_sign(const Node *duration)
{
    const Node *first = first_of(duration);
    if (first->kind == NODE_NUMBER) {
        return first->number.value < 0;
    }
    return !first->duration.wrapped && first->duration.op == DURATION_MINUS;
}

/* Behind offset, what starts with a parenthesis or two signs takes operators in. */
static bool takes_operators(const Node *offset)
{
    const Node *first = first_of(offset);
    if (first->kind == NODE_NUMBER) {
        return false;
    }
    return first->duration.wrapped ||
           (first->duration.op == DURATION_MINUS && starts_with_sign(first->duration.right));
}

/* A number, a call, or something in parentheses, with at most one sign. */
static bool is_single(const Node *offset)
{
    bool sign = offset->kind == NODE_DURATION && !offset->duration.wrapped &&
                (offset->duration.op == DURATION_MINUS || offset->duration.op == DURATION_PLUS);
    const Node *operand = sign ? offset->duration.right : offset;
    return operand->kind == NODE_NUMBER || operand->duration.wrapped ||
           operand->duration.op >= DURATION_STEP;
}

/* Printed without parentheses, an expression that does not take operators would lose its tail. */
static bool offset_needs_parens(const Node *offset)
{
    return !takes_operators(offset) && !is_single(offset);
}

static void print_offset(Buf *out, const TimeShift *shift)
{
    if (shift->offset_expr) {
        bool parens = offset_needs_parens(shift->offset_expr);
        buf_str(out, parens ? S(" offset (") : S(" offset "));
        node_print(out, shift->offset_expr);
        buf_str(out, parens ? S(")") : S(""));
    } else if (shift->offset_ms != 0) {
        buf_lit(out, " offset ");
        duration_format(out, shift->offset_ms);
    }
}

static void print_mode(Buf *out, SelectorMode mode)
{
    if (mode != SELECTOR_PLAIN) {
        buf_str(out, mode == SELECTOR_ANCHORED ? S(" anchored") : S(" smoothed"));
    }
}

/* The matcher that the name in front of the braces stands for. */
static bool is_own_name(const Node *node, const Matcher *matcher)
{
    return matcher->kind == MATCH_EQUAL && matcher->value.len > 0 &&
           str_eq(matcher->name, LABEL_NAME) && str_eq(matcher->value, node->vector.name);
}

/* Matchers in the order of their text. The texts lie one behind the other in a scratch buffer. */
static void print_matchers(Buf *out, const Node *node)
{
    size_t count = 0;
    Buf scratch;
    buf_init(&scratch, out->max);
    size_t *ends = MEM_ARRAY(size_t, node->vector.matcher_count + 1);
    Str *texts = MEM_ARRAY(Str, node->vector.matcher_count + 1);
    for (size_t i = 0; i < node->vector.matcher_count; i++) {
        if (!is_own_name(node, &node->vector.matchers[i])) {
            matcher_format(&scratch, &node->vector.matchers[i]);
            ends[count++] = scratch.len;
        }
    }
    for (size_t i = 0; i < count; i++) {
        texts[i] = str_slice(buf_view(&scratch), i > 0 ? ends[i - 1] : 0, ends[i]);
    }
    if (count > 0) {
        qsort(texts, count, sizeof(*texts), str_cmp_qsort);
    }
    if (count > 0 || node->vector.name.len == 0) {
        buf_byte(out, '{');
        for (size_t i = 0; i < count; i++) {
            buf_str(out, i > 0 ? S(",") : S(""));
            buf_str(out, texts[i]);
        }
        buf_byte(out, '}');
    }
    out->overflowed = out->overflowed || scratch.overflowed;
    mem_free(texts);
    mem_free(ends);
    buf_done(&scratch);
}

static void print_vector(Buf *out, const Node *node)
{
    buf_str(out, node->vector.name);
    print_matchers(out, node);
    print_at(out, &node->vector.shift);
    print_mode(out, node->vector.mode);
    print_offset(out, &node->vector.shift);
}

static void print_range(Buf *out, i64 ms, const Node *expr)
{
    if (expr) {
        node_print(out, expr);
    } else {
        duration_format(out, ms);
    }
}

/* The selector's modifiers stand behind the range. */
static void print_matrix(Buf *out, const Node *node)
{
    const Node *selector = node->matrix.selector;
    buf_str(out, selector->vector.name);
    print_matchers(out, selector);
    buf_byte(out, '[');
    print_range(out, node->matrix.range_ms, node->matrix.range_expr);
    buf_byte(out, ']');
    print_mode(out, selector->vector.mode);
    print_at(out, &selector->vector.shift);
    print_offset(out, &selector->vector.shift);
}

void print_subquery_tail(Buf *out, const Node *node)
{
    buf_byte(out, '[');
    print_range(out, node->subquery.range_ms, node->subquery.range_expr);
    buf_byte(out, ':');
    if (node->subquery.step_ms != 0 || node->subquery.step_expr) {
        print_range(out, node->subquery.step_ms, node->subquery.step_expr);
    }
    buf_byte(out, ']');
    print_at(out, &node->subquery.shift);
    print_offset(out, &node->subquery.shift);
}

static void print_fill_value(Buf *out, Str name, f64 value)
{
    buf_byte(out, ' ');
    buf_str(out, name);
    buf_lit(out, " (");
    buf_f64_g(out, value);
    buf_byte(out, ')');
}

static void print_fill(Buf *out, const VectorMatching *matching)
{
    bool both = matching->has_fill_left && matching->has_fill_right;
    if (both && matching->fill_left == matching->fill_right) {
        print_fill_value(out, S("fill"), matching->fill_left);
        return;
    }
    if (matching->has_fill_left) {
        print_fill_value(out, S("fill_left"), matching->fill_left);
    }
    if (matching->has_fill_right) {
        print_fill_value(out, S("fill_right"), matching->fill_right);
    }
}

void print_operator(Buf *out, const Node *node)
{
    const VectorMatching *matching = node->binary.matching;
    buf_str(out, str_from(binary_op_name(node->binary.op)));
    if (node->binary.return_bool) {
        buf_lit(out, " bool");
    }
    if (!matching) {
        return;
    }
    bool grouped = matching->card == CARD_MANY_TO_ONE || matching->card == CARD_ONE_TO_MANY;
    if (matching->label_count > 0 || matching->on || grouped) {
        buf_str(out, matching->on ? S(" on ") : S(" ignoring "));
        print_labels(out, matching->labels, matching->label_count);
    }
    if (grouped) {
        buf_str(out, matching->card == CARD_MANY_TO_ONE ? S(" group_left ") : S(" group_right "));
        print_labels(out, matching->include, matching->include_count);
    }
    print_fill(out, matching);
}

/*
 * In `up offset (1m) @ 3 + 5` the sum is the expression's: @ has ended the offset. Printed, the
 * offset comes last and would take the sum in, so such a left side needs parentheses.
 */
bool print_needs_parens(const Node *binary)
{
    const TimeShift *shift = NULL;
    const Node *node = binary->binary.lhs;
    while (node->kind == NODE_BINARY || node->kind == NODE_UNARY) {
        node = node->kind == NODE_BINARY ? node->binary.rhs : node->unary.expr;
    }
    if (node->kind == NODE_VECTOR) {
        shift = &node->vector.shift;
    } else if (node->kind == NODE_MATRIX) {
        shift = &node->matrix.selector->vector.shift;
    } else if (node->kind == NODE_SUBQUERY) {
        shift = &node->subquery.shift;
    }
    return binary->binary.op <= BINARY_POW && shift && shift->offset_expr &&
           (takes_operators(shift->offset_expr) || offset_needs_parens(shift->offset_expr));
}

static void print_binary(Buf *out, const Node *node)
{
    bool parens = print_needs_parens(node);
    buf_str(out, parens ? S("(") : S(""));
    node_print(out, node->binary.lhs);
    buf_str(out, parens ? S(") ") : S(" "));
    print_operator(out, node);
    buf_byte(out, ' ');
    node_print(out, node->binary.rhs);
}

void print_aggregate_head(Buf *out, const Node *node)
{
    buf_str(out, str_from(aggregate_op_name(node->aggregate.op)));
    if (node->aggregate.without || node->aggregate.grouping_count > 0) {
        buf_str(out, node->aggregate.without ? S(" without ") : S(" by "));
        print_labels(out, node->aggregate.grouping, node->aggregate.grouping_count);
        buf_byte(out, ' ');
    }
}

static void print_aggregate(Buf *out, const Node *node)
{
    print_aggregate_head(out, node);
    buf_byte(out, '(');
    if (node->aggregate.param) {
        node_print(out, node->aggregate.param);
        buf_lit(out, ", ");
    }
    node_print(out, node->aggregate.expr);
    buf_byte(out, ')');
}

static void print_call(Buf *out, const Node *node)
{
    buf_str(out, node->call.function->name);
    buf_byte(out, '(');
    for (size_t i = 0; i < node->call.arg_count; i++) {
        buf_str(out, i > 0 ? S(", ") : S(""));
        node_print(out, node->call.args[i]);
    }
    buf_byte(out, ')');
}

void node_print(Buf *out, const Node *node)
{
    if (out->overflowed) {
        return; /* so that asking whether a tree fits a line costs a line */
    }
    switch (node->kind) {
    case NODE_NUMBER:
        print_number(out, node);
        return;
    case NODE_STRING:
        quote_go(out, node->string.value);
        return;
    case NODE_VECTOR:
        print_vector(out, node);
        return;
    case NODE_MATRIX:
        print_matrix(out, node);
        return;
    case NODE_SUBQUERY:
        node_print(out, node->subquery.expr);
        print_subquery_tail(out, node);
        return;
    case NODE_PAREN:
        buf_byte(out, '(');
        node_print(out, node->paren.expr);
        buf_byte(out, ')');
        return;
    case NODE_STEP_INVARIANT:
        node_print(out, node->paren.expr);
        return;
    case NODE_UNARY:
        buf_byte(out, node->unary.negative ? '-' : '+');
        node_print(out, node->unary.expr);
        return;
    case NODE_BINARY:
        print_binary(out, node);
        return;
    case NODE_AGGREGATE:
        print_aggregate(out, node);
        return;
    case NODE_CALL:
        print_call(out, node);
        return;
    case NODE_DURATION:
        print_duration(out, node);
        return;
    }
}
