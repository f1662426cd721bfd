/*
 * Regex syntax: RE2's language as a tree. Internal to the regex files; everybody else includes
 * codec/regex.h.
 *
 * Layer: codec. Memory: everything lives in the caller's arena. Thread: any.
 * Source: RE2 syntax, github.com/google/re2/wiki/Syntax.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/types.h"

enum {
    RUNE_LAST = 0x10FFFF,    /* the largest code point */
    REGEX_NEST_MAX = 250,    /* groups inside groups */
    REGEX_REPEAT_MAX = 1000, /* of x{n,m}, nested ones multiplied */
    REGEX_UNBOUNDED = -1,    /* RegexNode.max of x* and x+ */
};

typedef enum RegexOp {
    REGEX_LITERAL, /* text, never empty */
    REGEX_CLASS,   /* one code point of a set */
    REGEX_ANY,     /* one code point */
    REGEX_ANY_BUT_NEWLINE,
    REGEX_TEXT_BEGIN,
    REGEX_TEXT_END,
    REGEX_LINE_BEGIN,
    REGEX_LINE_END,
    REGEX_WORD_EDGE,
    REGEX_NOT_WORD_EDGE,
    REGEX_GROUP,     /* captures; one child */
    REGEX_CONCAT,    /* children in order; none: the empty string */
    REGEX_ALTERNATE, /* the first child that fits */
    REGEX_REPEAT,    /* one child */
} RegexOp;

typedef struct RegexRange {
    u32 low;
    u32 high; /* inclusive */
} RegexRange;

typedef struct RegexClass {
    RegexRange *ranges; /* in the order of the pattern; may overlap */
    size_t range_count;
    size_t range_capacity;
    Str *properties; /* in PCRE2's words: \p{sc:Greek} */
    size_t property_count;
    size_t property_capacity;
    bool negated;
    bool cased; /* holds code points of the pattern that have another letter case */
} RegexClass;

typedef struct RegexNode RegexNode;
struct RegexNode {
    RegexOp op;
    bool fold;   /* REGEX_LITERAL, REGEX_CLASS: letter case does not matter */
    bool greedy; /* REGEX_REPEAT */
    i32 min;
    i32 max;
    i32 repeat_weight; /* how often the innermost part may be repeated, all nested counts multiplied
                        */
    u32 group;         /* REGEX_GROUP: 1-based */
    Str text;
    RegexClass *class;
    RegexNode *first; /* child */
    RegexNode *last;
    RegexNode *next; /* sibling */
};

typedef struct RegexTree {
    RegexNode *root;
    Str *group_names; /* [group_count + 1]; empty for a group without a name */
    size_t group_count;
} RegexTree;

/* Reads a pattern; `flags` are RegexFlags. Errors as regex_new. */
bool regex_parse(Str pattern, u32 flags, Arena *arena, RegexTree *ret, Err *err) MUST_USE;

/*
 * Writes the tree, or one branch of it, as a PCRE2 pattern (UTF, DOTALL, newline LF).
 * caseless  the pattern will be compiled with CASELESS
 */
void regex_emit(Buf *out, const RegexNode *node, bool caseless);

/*
 * A pattern that matches as a whole only texts of the form: literal, gap, literal, gap, literal, …
 * (any literal may be empty; a shape without gap is one literal).
 */
typedef struct RegexShape {
    Str *literals; /* [gap_count + 1] */
    u8 *gap_min;   /* [gap_count]: 0 for .*, 1 for .+ */
    size_t gap_count;
    bool newlines; /* the gaps may hold newlines */
} RegexShape;

typedef struct RegexShapes {
    RegexShape *at;
    size_t count;
} RegexShapes;

/*
 * The texts that one branch matches, as shapes of which one must fit (regex_literal.c).
 * anchored  the branch must match the whole subject
 * scratch   left as it was
 * Returns false when the branch is not of that kind, or too many of them are needed.
 */
bool regex_shapes(const RegexNode *node, bool anchored, Arena *scratch, Arena *arena,
                  RegexShapes *ret);
bool regex_shape_fits(const RegexShape *shape, Str subject);

/* What every match of the node starts with; the bytes live in the arena or the tree. */
Str regex_node_prefix(const RegexNode *node, Arena *arena);

/* The classes: regex_class.c. Each appends to a class; false past the arena's limit. */
bool regex_class_add(Arena *arena, RegexClass *class, u32 low, u32 high);

/* \d \s \w and their opposites. `letter` is what follows the backslash. */
bool regex_class_is_perl(char letter);
bool regex_class_add_perl(Arena *arena, RegexClass *class, char letter, bool fold);

/* "alpha" of [:alpha:]. *ret_known tells whether there is such a name. */
bool regex_class_add_posix(Arena *arena, RegexClass *class, Str name, bool negated, bool fold,
                           bool *ret_known);

/* "Greek" of \p{Greek}. */
bool regex_class_add_property(Arena *arena, RegexClass *class, Str name, bool negated, bool fold,
                              bool *ret_known);
