/* Lint: see lint.h. Layer: promql. Memory: the caller's arena. Thread: any. */
#include "promql/lint.h"

#include "base/quote.h"
#include "promql/functions.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/*
 * What is known about the labels of a vector. Open: any label may be there but those listed.
 * Closed: only those listed may be there. The metric's name is not followed.
 */
typedef struct LabelRule {
    bool closed;
    const Str *labels;
    size_t count;
} LabelRule;

typedef struct Lint {
    Arena *arena;
    Err *err;
    Hint *first;
    Hint **last;
    bool full; /* of the arena; *err says so */
} Lint;

static LabelRule lint_node(Lint *lint, const Node *node);

PRINTF_LIKE(4, 5)
static void hint(Lint *lint, HintKind kind, const Node *node, const char *format, ...)
{
    char text[ERR_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    Hint *made = ARENA_NEW(lint->arena, Hint, 1);
    if (!made || !arena_str(lint->arena, str_from(text), &made->message, lint->err)) {
        lint->full = true;
        (void)arena_full(lint->arena, lint->err);
        return;
    }
    made->kind = kind;
    made->at = node->at;
    *lint->last = made;
    lint->last = &made->next;
}

static bool listed(const Str *labels, size_t count, Str label)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(labels[i], label)) {
            return true;
        }
    }
    return false;
}

static bool possible(const LabelRule *rule, Str label)
{
    return listed(rule->labels, rule->count, label) == rule->closed;
}

static Str *label_array(Lint *lint, size_t count)
{
    Str *labels = ARENA_NEW(lint->arena, Str, count + 1);
    if (!labels) {
        lint->full = true;
        (void)arena_full(lint->arena, lint->err);
    }
    return labels;
}

/* These labels may be there (again). */
static LabelRule rule_with(Lint *lint, LabelRule rule, const Str *added, size_t count)
{
    Str *labels = label_array(lint, rule.count + count);
    LabelRule made = {.closed = rule.closed, .labels = labels};
    for (size_t i = 0; labels && i < rule.count; i++) {
        if (rule.closed || !listed(added, count, rule.labels[i])) {
            labels[made.count++] = rule.labels[i];
        }
    }
    for (size_t i = 0; labels && rule.closed && i < count; i++) {
        labels[made.count++] = added[i];
    }
    return made;
}

/* These labels are surely gone. */
static LabelRule rule_without(Lint *lint, LabelRule rule, const Str *dropped, size_t count)
{
    Str *labels = label_array(lint, rule.count + count);
    LabelRule made = {.closed = rule.closed, .labels = labels};
    for (size_t i = 0; labels && i < rule.count; i++) {
        if (!rule.closed || !listed(dropped, count, rule.labels[i])) {
            labels[made.count++] = rule.labels[i];
        }
    }
    for (size_t i = 0; labels && !rule.closed && i < count; i++) {
        labels[made.count++] = dropped[i];
    }
    return made;
}

/* Only these labels, as far as they were possible before. */
static LabelRule rule_only(Lint *lint, const LabelRule *rule, const Str *kept, size_t count)
{
    Str *labels = label_array(lint, count);
    LabelRule made = {.closed = true, .labels = labels};
    for (size_t i = 0; labels && i < count; i++) {
        if (possible(rule, kept[i])) {
            labels[made.count++] = kept[i];
        }
    }
    return made;
}

/* What one of two vectors may have. */
static LabelRule rule_either(Lint *lint, const LabelRule *a, const LabelRule *b)
{
    if (a->closed && b->closed) {
        return rule_with(lint, *a, b->labels, b->count);
    }
    const LabelRule *open = a->closed ? b : a;
    const LabelRule *other = a->closed ? a : b;
    Str *labels = label_array(lint, open->count);
    LabelRule made = {.closed = false, .labels = labels};
    for (size_t i = 0; labels && i < open->count; i++) {
        if (!possible(other, open->labels[i])) {
            labels[made.count++] = open->labels[i];
        }
    }
    return made;
}

static bool is_plain_text(Str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '\0' && strchr("\\.+*?()|[]{}^$", text.ptr[i])) {
            return false;
        }
    }
    return true;
}

static void lint_regex(Lint *lint, const Node *node, const Matcher *matcher)
{
    bool equal = matcher->kind == MATCH_REGEX;
    char text[QUOTE_TEXT_MAX];
    if (matcher->kind != MATCH_REGEX && matcher->kind != MATCH_NOT_REGEX) {
        return;
    }
    if (equal && str_eq(matcher->value, S(".*"))) {
        hint(lint, HINT_MATCHES_ALL, node,
             STR_FMT "=~\".*\" matches every series, also those "
                     "without the label",
             STR_ARG(matcher->name));
    } else if (is_plain_text(matcher->value)) {
        hint(lint, HINT_PLAIN_REGEX, node,
             STR_FMT "%s%s says the same without a regular expression", STR_ARG(matcher->name),
             equal ? "=" : "!=", quote_text(text, matcher->value));
    }
}

/* A value that one matcher demands and another refuses. */
static void lint_conflicts(Lint *lint, const Node *node)
{
    const Matcher *matchers = node->vector.matchers;
    char text[QUOTE_TEXT_MAX];
    for (size_t i = 0; i < node->vector.matcher_count; i++) {
        for (size_t j = 0; j < node->vector.matcher_count; j++) {
            if (matchers[i].kind == MATCH_EQUAL && str_eq(matchers[i].name, matchers[j].name) &&
                !matcher_matches(&matchers[j], matchers[i].value)) {
                hint(lint, HINT_MATCHES_NOTHING, node,
                     "no series matches: " STR_FMT "=%s contradicts another matcher",
                     STR_ARG(matchers[i].name), quote_text(text, matchers[i].value));
                return;
            }
        }
    }
}

static LabelRule lint_vector(Lint *lint, const Node *node)
{
    Str *absent = label_array(lint, node->vector.matcher_count);
    LabelRule rule = {.closed = false, .labels = absent};
    for (size_t i = 0; absent && i < node->vector.matcher_count; i++) {
        const Matcher *matcher = &node->vector.matchers[i];
        lint_regex(lint, node, matcher);
        if (matcher->kind == MATCH_EQUAL && matcher->value.len == 0) {
            absent[rule.count++] = matcher->name;
        }
    }
    lint_conflicts(lint, node);
    return rule;
}

static void lint_labels(Lint *lint, const Node *node, const LabelRule *rule, const Str *labels,
                        size_t count, const char *where)
{
    for (size_t i = 0; i < count; i++) {
        if (!possible(rule, labels[i]) && !str_eq(labels[i], LABEL_NAME)) {
            hint(lint, HINT_LABEL_DROPPED, node, "no series has the label " STR_FMT " %s",
                 STR_ARG(labels[i]), where);
        }
    }
}

static LabelRule lint_aggregate(Lint *lint, const Node *node)
{
    const Str *grouping = node->aggregate.grouping;
    size_t count = node->aggregate.grouping_count;
    AggregateOp op = node->aggregate.op;
    bool keeps_series = op == AGGREGATE_TOPK || op == AGGREGATE_BOTTOMK || op == AGGREGATE_LIMITK ||
                        op == AGGREGATE_LIMIT_RATIO;
    LabelRule inner = lint_node(lint, node->aggregate.expr);
    const Node *param = node->aggregate.param;
    if (param) {
        (void)lint_node(lint, param);
    }
    lint_labels(lint, node, &inner, grouping, count,
                node->aggregate.without ? "that without () drops" : "that by () keeps");
    if (keeps_series) {
        return inner;
    }
    LabelRule rule = node->aggregate.without ? rule_without(lint, inner, grouping, count)
                                             : rule_only(lint, &inner, grouping, count);
    if (op == AGGREGATE_COUNT_VALUES && param && param->kind == NODE_STRING) {
        rule = rule_with(lint, rule, &param->string.value, 1);
    }
    return rule;
}

static LabelRule matched_rule(Lint *lint, const Node *node, const LabelRule *lhs,
                              const LabelRule *rhs)
{
    const VectorMatching *matching = node->binary.matching;
    switch (matching->card) {
    case CARD_MANY_TO_ONE:
        return rule_with(lint, *lhs, matching->include, matching->include_count);
    case CARD_ONE_TO_MANY:
        return rule_with(lint, *rhs, matching->include, matching->include_count);
    case CARD_MANY_TO_MANY:
        return node->binary.op == BINARY_OR ? rule_either(lint, lhs, rhs) : *lhs;
    case CARD_ONE_TO_ONE:
        break;
    }
    return matching->on ? rule_only(lint, lhs, matching->labels, matching->label_count)
                        : rule_without(lint, *lhs, matching->labels, matching->label_count);
}

static LabelRule lint_binary(Lint *lint, const Node *node)
{
    const VectorMatching *matching = node->binary.matching;
    LabelRule lhs = lint_node(lint, node->binary.lhs);
    LabelRule rhs = lint_node(lint, node->binary.rhs);
    if (!matching) {
        return node->binary.lhs->type == VALUE_VECTOR ? lhs : rhs;
    }
    if (matching->on) {
        const Str *labels = matching->labels;
        size_t count = matching->label_count;
        lint_labels(lint, node, &lhs, labels, count, "on the left side, which on () matches by");
        lint_labels(lint, node, &rhs, labels, count, "on the right side, which on () matches by");
    }
    bool right_is_one = matching->card == CARD_MANY_TO_ONE;
    lint_labels(lint, node, right_is_one ? &rhs : &lhs, matching->include, matching->include_count,
                "on the side that group_left () or group_right () takes it from");
    return matched_rule(lint, node, &lhs, &rhs);
}

static bool selects_buckets(const Node *node)
{
    if (node->kind == NODE_VECTOR) {
        return str_ends_with(node->vector.name, S("_bucket"));
    }
    for (size_t i = 0; i < node_child_count(node); i++) {
        if (selects_buckets(node_child(node, i))) {
            return true;
        }
    }
    return false;
}

/* Behind an aggregation the resets of single series can no longer be told from a falling sum. */
static void lint_rate_of_sum(Lint *lint, const Node *node)
{
    FunctionId id = node->call.function->id;
    const Node *arg = node_unwrap(node->call.args[0]);
    if ((id != FUNCTION_rate && id != FUNCTION_irate && id != FUNCTION_increase) ||
        arg->kind != NODE_SUBQUERY) {
        return;
    }
    const Node *inner = node_unwrap(arg->subquery.expr);
    if (inner->kind == NODE_AGGREGATE && inner->aggregate.op == AGGREGATE_SUM &&
        node_unwrap(inner->aggregate.expr)->kind == NODE_VECTOR) {
        hint(lint, HINT_RATE_OF_SUM, node,
             "a sum hides the resets of its counters: sum (" STR_FMT " (…)) sees them",
             STR_ARG(node->call.function->name));
    }
}

static LabelRule call_rule(Lint *lint, const Node *node, const LabelRule *inner)
{
    static const Str le[] = {STR_INIT("le")};
    const Node *const *args = node->call.args;
    switch (node->call.function->id) {
    case FUNCTION_histogram_quantile:
        if (selects_buckets(node) && !possible(inner, S("le"))) {
            hint(lint, HINT_LABEL_DROPPED, node,
                 "histogram_quantile needs the label le, which no series has here");
        }
        return rule_without(lint, *inner, le, 1);
    case FUNCTION_label_replace:
    case FUNCTION_label_join:
        return args[1]->kind == NODE_STRING ? rule_with(lint, *inner, &args[1]->string.value, 1)
                                            : (LabelRule){0};
    case FUNCTION_vector:
        return (LabelRule){.closed = true};
    case FUNCTION_absent:
    case FUNCTION_absent_over_time:
    case FUNCTION_info:
    case FUNCTION_histogram_quantiles:
        return (LabelRule){0};
    default:
        return *inner;
    }
}

static LabelRule lint_call(Lint *lint, const Node *node)
{
    LabelRule inner = {0};
    for (size_t i = 0; i < node->call.arg_count; i++) {
        const Node *arg = node->call.args[i];
        LabelRule rule = lint_node(lint, arg);
        if (arg->type == VALUE_VECTOR || arg->type == VALUE_MATRIX) {
            inner = rule;
        }
    }
    if (node->call.arg_count == 0) {
        return (LabelRule){.closed = true};
    }
    lint_rate_of_sum(lint, node);
    return call_rule(lint, node, &inner);
}

static LabelRule lint_node(Lint *lint, const Node *node)
{
    if (lint->full) {
        return (LabelRule){0};
    }
    switch (node->kind) {
    case NODE_VECTOR:
        return lint_vector(lint, node);
    case NODE_MATRIX:
        return lint_vector(lint, node->matrix.selector);
    case NODE_SUBQUERY:
        return lint_node(lint, node->subquery.expr);
    case NODE_PAREN:
    case NODE_STEP_INVARIANT:
        return lint_node(lint, node->paren.expr);
    case NODE_UNARY:
        return lint_node(lint, node->unary.expr);
    case NODE_BINARY:
        return lint_binary(lint, node);
    case NODE_AGGREGATE:
        return lint_aggregate(lint, node);
    case NODE_CALL:
        return lint_call(lint, node);
    case NODE_NUMBER:
    case NODE_STRING:
    case NODE_DURATION:
        break;
    }
    return (LabelRule){0};
}

bool expr_lint(const Expr *expr, Arena *arena, Hint **ret, Err *err)
{
    Lint lint = {.arena = arena, .err = err};
    lint.last = &lint.first;
    (void)lint_node(&lint, expr->root);
    if (lint.full) {
        return err_wrap(err, "looking for hints");
    }
    *ret = lint.first;
    return true;
}
