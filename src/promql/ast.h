/*
 * Ast: a PromQL expression as a tree. The parser makes it, the type check fills `type`, planning
 * may make changed copies of nodes; nobody changes a node in place after that.
 *
 * Every node knows its place in the query text, in bytes, for errors and annotations.
 *
 * Layer: promql. Memory: nodes, arrays and strings live in the arena given to expr_parse; only the
 * compiled regular expressions of matchers lie outside, and expr_done frees them. Thread: immutable
 * after the parse; any number of threads may read.
 */
#pragma once

#include "base/arena.h"
#include "base/str.h"
#include "base/types.h"
#include "model/matcher.h"

typedef struct Node Node;
typedef struct Function Function; /* promql/functions.h */

typedef enum ValueType {
    VALUE_NONE,
    VALUE_SCALAR,
    VALUE_VECTOR,
    VALUE_MATRIX,
    VALUE_STRING,
} ValueType;

typedef enum NodeKind {
    NODE_NUMBER,         /* 1.5, 0x1f, 5m */
    NODE_STRING,         /* "text" */
    NODE_VECTOR,         /* up{job="x"} @ 17 offset 5m */
    NODE_MATRIX,         /* up[5m] */
    NODE_SUBQUERY,       /* rate(up[5m])[1h:30s] */
    NODE_PAREN,          /* (expr) */
    NODE_UNARY,          /* -expr */
    NODE_BINARY,         /* lhs * on (job) rhs */
    NODE_AGGREGATE,      /* sum by (job) (expr) */
    NODE_CALL,           /* rate(expr) */
    NODE_STEP_INVARIANT, /* made by planning: the same at every step, evaluated once */
    NODE_DURATION,       /* inside [ ] and after offset only: 2 * step() */
} NodeKind;

/* The bytes [start, end) of the query text. */
typedef struct TextRange {
    u32 start;
    u32 end;
} TextRange;

typedef enum BinaryOp {
    BINARY_ADD,
    BINARY_SUB,
    BINARY_MUL,
    BINARY_DIV,
    BINARY_MOD,
    BINARY_POW,
    BINARY_ATAN2,
    BINARY_EQUAL, /* == */
    BINARY_NOT_EQUAL,
    BINARY_GREATER,
    BINARY_LESS,
    BINARY_GREATER_EQUAL,
    BINARY_LESS_EQUAL,
    BINARY_TRIM_UPPER, /* </ drops the observations above a bound of a histogram */
    BINARY_TRIM_LOWER, /* >/ drops those below */
    BINARY_AND,
    BINARY_OR,
    BINARY_UNLESS,
    BINARY_OP_COUNT,
} BinaryOp;

typedef enum AggregateOp {
    AGGREGATE_SUM,
    AGGREGATE_AVG,
    AGGREGATE_COUNT,
    AGGREGATE_MIN,
    AGGREGATE_MAX,
    AGGREGATE_GROUP,
    AGGREGATE_STDDEV,
    AGGREGATE_STDVAR,
    AGGREGATE_TOPK,
    AGGREGATE_BOTTOMK,
    AGGREGATE_COUNT_VALUES,
    AGGREGATE_QUANTILE,
    AGGREGATE_LIMITK,
    AGGREGATE_LIMIT_RATIO,
    AGGREGATE_OP_COUNT,
} AggregateOp;

typedef enum MatchCard {
    CARD_ONE_TO_ONE,
    CARD_MANY_TO_ONE,  /* group_left: many on the left */
    CARD_ONE_TO_MANY,  /* group_right */
    CARD_MANY_TO_MANY, /* and, or, unless */
} MatchCard;

/* How the series of both sides of a binary operation find each other. */
typedef struct VectorMatching {
    MatchCard card;
    bool on; /* true: on (labels); false: ignoring (labels) */
    const Str *labels;
    size_t label_count;
    const Str *include; /* group_left (these) */
    size_t include_count;
    bool has_fill_left; /* a series that is missing on the left counts as this value */
    bool has_fill_right;
    f64 fill_left;
    f64 fill_right;
} VectorMatching;

typedef enum AtKind {
    AT_NONE,
    AT_TIME,  /* @ 1609746000 */
    AT_START, /* @ start() */
    AT_END,   /* @ end() */
} AtKind;

/*
 * When a selector or subquery looks: offset and @. Where the query has a duration expression, the
 * value field is 0 and the expression says what it is once start, end and step are known.
 */
typedef struct TimeShift {
    i64 offset_ms; /* negative: into the future */
    const Node *offset_expr;
    i64 at_ms; /* AT_TIME only */
    AtKind at;
} TimeShift;

typedef enum SelectorMode {
    SELECTOR_PLAIN,
    SELECTOR_ANCHORED, /* [5m] anchored: the sample at or before the start counts as the start */
    SELECTOR_SMOOTHED, /* [5m] smoothed: both ends are interpolated */
} SelectorMode;

typedef enum DurationOp {
    DURATION_ADD,
    DURATION_SUB,
    DURATION_MUL,
    DURATION_DIV,
    DURATION_MOD,
    DURATION_POW,
    DURATION_PLUS,  /* unary; the operand is `right` */
    DURATION_MINUS, /* unary; the operand is `right` */
    DURATION_STEP,  /* step() */
    DURATION_RANGE, /* range(): end - start of the query */
    DURATION_MIN_OF,
    DURATION_MAX_OF,
} DurationOp;

struct Node {
    NodeKind kind;
    ValueType type; /* filled by the parser */
    TextRange at;
    u32 height; /* levels of nodes from here down, itself counted; at most QUERY_DEPTH_MAX */
    union {
        struct {
            f64 value;        /* durations in seconds */
            bool is_duration; /* was written with units: 1h30m */
        } number;

        struct {
            Str value; /* unquoted */
        } string;

        struct {
            Str name;                /* as it stands before the braces; empty when none does */
            const Matcher *matchers; /* the one for __name__ included */
            size_t matcher_count;
            TimeShift shift;
            SelectorMode mode;
            const Node *next; /* the selector parsed before this one; NULL at the end */
        } vector;

        struct {
            const Node *selector; /* NODE_VECTOR; its shift and mode count */
            i64 range_ms;
            const Node *range_expr; /* NODE_DURATION, or NULL when range_ms says it all */
        } matrix;

        struct {
            const Node *expr;
            i64 range_ms;
            const Node *range_expr;
            i64 step_ms; /* 0: the server's default */
            const Node *step_expr;
            TimeShift shift;
        } subquery;

        struct {
            const Node *expr;
        } paren; /* also NODE_STEP_INVARIANT */

        struct {
            bool negative; /* false: + */
            const Node *expr;
        } unary;

        struct {
            BinaryOp op;
            bool return_bool;
            const Node *lhs;
            const Node *rhs;
            const VectorMatching *matching; /* NULL unless both sides are instant vectors */
        } binary;

        struct {
            AggregateOp op;
            bool without; /* false: by (grouping) */
            const Node *expr;
            const Node *param; /* topk and friends; else NULL */
            const Str *grouping;
            size_t grouping_count;
        } aggregate;

        struct {
            const Function *function;
            const Node *const *args;
            size_t arg_count;
        } call;

        struct {
            DurationOp op;
            bool wrapped;     /* stood in parentheses */
            const Node *left; /* NODE_NUMBER (seconds) or NODE_DURATION */
            const Node *right;
        } duration;
    };
};

/* One parsed expression. */
typedef struct Expr {
    const Node *root;
    Str text;              /* the query, copied into the arena */
    const Node *selectors; /* newest of all NODE_VECTOR, linked by vector.next */
} Expr;

void expr_done(Expr *expr); /* frees compiled regular expressions; safe on a zeroed Expr */

const char *value_type_name(ValueType type);   /* "scalar", "vector", "matrix", … */
const char *value_type_title(ValueType type);  /* "instant vector", "range vector", … */
const char *binary_op_name(BinaryOp op);       /* "+", "atan2", "and", … */
const char *aggregate_op_name(AggregateOp op); /* "sum", … */
bool binary_op_is_comparison(BinaryOp op);     /* == != > < >= <= */
bool binary_op_is_set(BinaryOp op);            /* and or unless */
bool aggregate_op_has_param(AggregateOp op);

const Node *node_unwrap(const Node *node); /* without parentheses and step-invariant wrappers */

/* The operands in text order: not the durations, not the selector's parts. */
size_t node_child_count(const Node *node);
const Node *node_child(const Node *node, size_t index);
