/*
 * Regex: see regex.h. A pattern becomes a set of literals, some shapes (prefix, suffix, parts with
 * gaps between) and, for what neither can say, PCRE2 programs. A test asks them in that order.
 *
 * Layer: codec. Memory: regex_free. Thread: immutable once made.
 */
#include "codec/regex.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/vec.h"
#include "codec/regex_program.h"
#include "codec/regex_syntax.h"

#include <stdlib.h>
#include <string.h>

enum {
    LITERALS_MAX = 256,      /* that regex_literals reports */
    LITERALS_LINEAR = 8,     /* up to here comparing is faster than hashing */
    PROGRAM_TEXT_MAX = 8192, /* bytes of alternatives that share one program: PCRE2 compiles at
                                most 64 KiB, and a byte can become several */
};
#define ARENA_MAX   (64 * MIB)
#define EMITTED_MAX (16 * MIB)

/* A place in a subject, counted from its begin or its end. */
typedef struct Place {
    bool from_end;
    size_t bytes;
} Place;

typedef struct Span {
    Place begin;
    Place end;
} Span;

typedef struct Program {
    RegexProgram *code; /* owned */
    size_t first_group; /* its group 1 is this group of the pattern */
} Program;

struct Regex {
    Arena arena;
    bool anchored;
    bool shaped; /* literals and shapes say everything */
    Str prefix;
    Str *literals; /* sorted, unique */
    size_t literal_count;
    StrMap literal_set; /* of literals, when they are many */
    RegexShape *shapes; /* with at least one gap each */
    size_t shape_count;
    Span *spans; /* [group_count + 1]: groups of an anchored pattern with at most one gap */
    Program *programs;
    size_t program_count;
    Str *group_names; /* [group_count + 1] */
    size_t group_count;
};

/* What building needs besides the result. */
typedef struct Builder {
    Regex *regex;
    Arena scratch;
    RegexTree tree;
    const RegexNode **rest; /* branches that only a program can match */
    size_t rest_count;
    VEC(Str) literals;
    VEC(RegexShape) shapes;
    Err *err;
} Builder;

static const RegexNode *without_groups(const RegexNode *node)
{
    while (node->op == REGEX_GROUP) {
        node = node->first;
    }
    return node;
}

static size_t child_count(const RegexNode *node)
{
    size_t count = 0;
    for (const RegexNode *child = node->first; child; child = child->next) {
        count++;
    }
    return count;
}

static void add_branch(Builder *b, const RegexNode *branch)
{
    RegexShapes shapes;
    if (!regex_shapes(branch, b->regex->anchored, &b->scratch, &b->regex->arena, &shapes)) {
        b->rest[b->rest_count++] = branch;
        return;
    }
    for (size_t i = 0; i < shapes.count; i++) {
        if (shapes.at[i].gap_count == 0) {
            *vec_push(&b->literals) = shapes.at[i].literals[0];
        } else {
            *vec_push(&b->shapes) = shapes.at[i];
        }
    }
}

static bool add_branches(Builder *b)
{
    const RegexNode *root = without_groups(b->tree.root);
    size_t count = root->op == REGEX_ALTERNATE ? child_count(root) : 1;
    b->rest = ARENA_NEW(&b->scratch, const RegexNode *, count);
    if (!b->rest) {
        return arena_full(&b->scratch, b->err);
    }
    if (root->op != REGEX_ALTERNATE) {
        add_branch(b, root);
        return true;
    }
    for (const RegexNode *branch = root->first; branch; branch = branch->next) {
        add_branch(b, branch);
    }
    return true;
}

static bool keep_fast(Builder *b)
{
    Regex *regex = b->regex;
    if (b->literals.count > 0) {
        qsort(b->literals.at, b->literals.count, sizeof(Str), str_cmp_qsort);
        regex->literals = ARENA_NEW(&regex->arena, Str, b->literals.count);
        if (!regex->literals) {
            return arena_full(&regex->arena, b->err);
        }
    }
    for (size_t i = 0; i < b->literals.count; i++) {
        if (i == 0 || !str_eq(b->literals.at[i], b->literals.at[i - 1])) {
            regex->literals[regex->literal_count++] = b->literals.at[i];
        }
    }
    for (size_t i = 0; regex->literal_count > LITERALS_LINEAR && i < regex->literal_count; i++) {
        *strmap_put(&regex->literal_set, regex->literals[i], NULL) = i;
    }
    if (b->shapes.count > 0) {
        regex->shapes = ARENA_NEW(&regex->arena, RegexShape, b->shapes.count);
        if (!regex->shapes) {
            return arena_full(&regex->arena, b->err);
        }
        memcpy(regex->shapes, b->shapes.at, b->shapes.count * sizeof(RegexShape));
        regex->shape_count = b->shapes.count;
    }
    regex->shaped = b->rest_count == 0;
    return true;
}

/* Follows literals and one gap through the pattern and notes where groups begin and end. */
typedef struct Walk {
    Span *spans;
    Place here;
    bool possible;
} Walk;

/* NOLINTNEXTLINE(misc-no-recursion): the parser bounds the depth with REGEX_NEST_MAX */
static void walk_spans(const RegexNode *node, Walk *walk)
{
    switch (node->op) {
    case REGEX_LITERAL:
        walk->here.bytes += node->text.len;
        return;
    case REGEX_TEXT_BEGIN:
    case REGEX_TEXT_END:
        return;
    case REGEX_GROUP:
        walk->spans[node->group].begin = walk->here;
        walk_spans(node->first, walk);
        walk->spans[node->group].end = walk->here;
        return;
    case REGEX_CONCAT:
        for (const RegexNode *child = node->first; child; child = child->next) {
            walk_spans(child, walk);
        }
        return;
    case REGEX_REPEAT: /* in a pattern of one shape: a gap, or a literal so many times */
        walk->possible &= !walk->here.from_end && node->max == REGEX_UNBOUNDED;
        walk->here = (Place){.from_end = true};
        return;
    default:
        walk->possible = false;
        return;
    }
}

static void count_from_end(Place *place, size_t suffix_len)
{
    if (place->from_end) {
        place->bytes = suffix_len - place->bytes;
    }
}

/* Groups that need no program: (.*), prefix_(.+), (.*)_suffix. */
static bool find_spans(Builder *b)
{
    Regex *regex = b->regex;
    bool simple = regex->shaped && regex->anchored &&
                  regex->literal_count + regex->shape_count == 1 &&
                  (regex->shape_count == 0 || regex->shapes[0].gap_count == 1);
    if (!simple) {
        return true;
    }
    Walk walk = {.spans = ARENA_NEW(&regex->arena, Span, regex->group_count + 1), .possible = true};
    if (!walk.spans) {
        return arena_full(&regex->arena, b->err);
    }
    walk_spans(b->tree.root, &walk);
    if (!walk.possible) {
        return true;
    }
    for (size_t i = 1; i <= regex->group_count; i++) {
        count_from_end(&walk.spans[i].begin, walk.here.bytes);
        count_from_end(&walk.spans[i].end, walk.here.bytes);
    }
    walk.spans[0].end = (Place){.from_end = true};
    regex->spans = walk.spans;
    return true;
}

/* NOLINTNEXTLINE(misc-no-recursion): the parser bounds the depth with REGEX_NEST_MAX */
static size_t count_groups(const RegexNode *node)
{
    size_t count = node->op == REGEX_GROUP;
    for (const RegexNode *child = node->first; child; child = child->next) {
        count += count_groups(child);
    }
    return count;
}

/* Letter case is one option for the whole program when all of its parts agree. */
/* NOLINTNEXTLINE(misc-no-recursion): the parser bounds the depth with REGEX_NEST_MAX */
static bool folds_somewhere(const RegexNode *node)
{
    bool folds = (node->op == REGEX_LITERAL || node->op == REGEX_CLASS) && node->fold;
    for (const RegexNode *child = node->first; child && !folds; child = child->next) {
        folds = folds_somewhere(child);
    }
    return folds;
}

static bool add_program(Builder *b, const RegexNode *const *branches, size_t count,
                        size_t first_group)
{
    Regex *regex = b->regex;
    bool caseless = false;
    for (size_t i = 0; i < count; i++) {
        caseless |= folds_somewhere(branches[i]);
    }
    Buf text;
    buf_init(&text, EMITTED_MAX);
    buf_str(&text, regex->anchored ? S("\\A(?:") : S("(?:"));
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            buf_byte(&text, '|');
        }
        regex_emit(&text, branches[i], caseless);
    }
    buf_str(&text, regex->anchored ? S(")\\z") : S(")"));
    Program *program = &regex->programs[regex->program_count];
    program->first_group = first_group;
    bool ok = buf_ok(&text, b->err) &&
              regex_program_new(buf_view(&text), caseless, &program->code, b->err);
    buf_done(&text);
    regex->program_count += ok;
    return ok;
}

/* Programs for the branches, as few as fit into PCRE2's size. */
static bool add_programs(Builder *b, const RegexNode *const *branches, size_t count)
{
    b->regex->programs = ARENA_NEW(&b->regex->arena, Program, count);
    if (!b->regex->programs) {
        return arena_full(&b->regex->arena, b->err);
    }
    Buf measure;
    buf_init(&measure, EMITTED_MAX);
    size_t first = 0;
    size_t group = 1;
    size_t groups_after = 1;
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        size_t before = measure.len;
        regex_emit(&measure, branches[i], false);
        if (i > first && measure.len > PROGRAM_TEXT_MAX) {
            ok = add_program(b, branches + first, i - first, group);
            measure.len -= before;
            first = i;
            group = groups_after;
        }
        groups_after += count_groups(branches[i]);
    }
    buf_done(&measure);
    return ok && add_program(b, branches + first, count - first, group);
}

static bool compile(Builder *b)
{
    Regex *regex = b->regex;
    if (regex->shaped && (regex->spans || (regex->anchored && regex->group_count == 0))) {
        return true;
    }
    if (regex->anchored && regex->group_count == 0) {
        return add_programs(b, b->rest, b->rest_count);
    }
    const RegexNode *root = b->tree.root;
    size_t count = root->op == REGEX_ALTERNATE ? child_count(root) : 1;
    const RegexNode **branches = ARENA_NEW(&b->scratch, const RegexNode *, count);
    if (!branches) {
        return arena_full(&b->scratch, b->err);
    }
    branches[0] = root;
    size_t at = 0;
    for (const RegexNode *child = root->first; root->op == REGEX_ALTERNATE && child;
         child = child->next) {
        branches[at++] = child;
    }
    return add_programs(b, branches, count);
}

static bool keep_names(Builder *b)
{
    Regex *regex = b->regex;
    regex->group_count = b->tree.group_count;
    regex->group_names = ARENA_NEW(&regex->arena, Str, regex->group_count + 1);
    if (!regex->group_names) {
        return arena_full(&regex->arena, b->err);
    }
    for (size_t i = 1; i <= regex->group_count; i++) {
        if (!arena_str(&regex->arena, b->tree.group_names[i], &regex->group_names[i], b->err)) {
            return false;
        }
    }
    return arena_str(&regex->arena, regex_node_prefix(b->tree.root, &b->scratch), &regex->prefix,
                     b->err);
}

static bool build(Builder *b, Str pattern, u32 flags)
{
    return regex_parse(pattern, flags, &b->scratch, &b->tree, b->err) && keep_names(b) &&
           add_branches(b) && keep_fast(b) && find_spans(b) && compile(b);
}

bool regex_new(Str pattern, u32 flags, Regex **ret, Err *err)
{
    Regex *regex = MEM_NEW(Regex);
    arena_init(&regex->arena, ARENA_MAX);
    regex->anchored = flags & REGEX_ANCHORED;
    Builder builder = {.regex = regex, .err = err};
    arena_init(&builder.scratch, ARENA_MAX);
    bool ok = build(&builder, pattern, flags);
    arena_done(&builder.scratch);
    vec_done(&builder.literals);
    vec_done(&builder.shapes);
    if (!ok) {
        regex_free(regex);
        return false;
    }
    *ret = regex;
    return true;
}

void regex_free(Regex *regex)
{
    if (!regex) {
        return;
    }
    for (size_t i = 0; i < regex->program_count; i++) {
        regex_program_free(regex->programs[i].code);
    }
    strmap_done(&regex->literal_set);
    arena_done(&regex->arena);
    mem_free(regex);
}

u64 regex_limit_hits(void)
{
    return regex_program_limit_hits();
}

static bool test_literals(const Regex *regex, Str subject)
{
    if (regex->literal_count > LITERALS_LINEAR) {
        return strmap_find(&regex->literal_set, subject) != NULL;
    }
    for (size_t i = 0; i < regex->literal_count; i++) {
        if (str_eq(regex->literals[i], subject)) {
            return true;
        }
    }
    return false;
}

/* Moves to the first place where a match can begin; false when there is none. */
static bool skip_to_prefix(const Regex *regex, Str subject, size_t *from)
{
    if (regex->prefix.len == 0) {
        return true;
    }
    if (regex->anchored) {
        return str_starts_with(subject, regex->prefix);
    }
    size_t at = str_find(str_skip(subject, *from), regex->prefix);
    *from += at == STR_NOT_FOUND ? 0 : at;
    return at != STR_NOT_FOUND;
}

bool regex_test(const Regex *regex, Str subject)
{
    if (regex->literal_count > 0 && test_literals(regex, subject)) {
        return true;
    }
    for (size_t i = 0; i < regex->shape_count; i++) {
        if (regex_shape_fits(&regex->shapes[i], subject)) {
            return true;
        }
    }
    size_t from = 0;
    if (regex->shaped || !skip_to_prefix(regex, subject, &from)) {
        return false;
    }
    for (size_t i = 0; i < regex->program_count; i++) {
        Str whole;
        if (regex_program_run(regex->programs[i].code, subject, from, &whole, 1) > 0) {
            return true;
        }
    }
    return false;
}

static const char *place_in(Str subject, Place place)
{
    return subject.ptr + (place.from_end ? subject.len - place.bytes : place.bytes);
}

static void match_spans(const Regex *regex, Str subject, RegexMatch *ret)
{
    for (size_t i = 0; i < ret->count; i++) {
        const Span *span = &regex->spans[i];
        ret->groups[i] = str_range(place_in(subject, span->begin), place_in(subject, span->end));
    }
}

/* The earliest match of all programs; of two at the same place the first program's. */
static bool match_programs(const Regex *regex, Str subject, size_t from, RegexMatch *ret)
{
    const char *best = NULL;
    for (size_t i = 0; i < regex->program_count; i++) {
        Str groups[REGEX_GROUPS_MAX];
        const Program *program = &regex->programs[i];
        size_t count = regex_program_run(program->code, subject, from, groups, REGEX_GROUPS_MAX);
        if (count == 0 || (best && groups[0].ptr >= best)) {
            continue;
        }
        best = groups[0].ptr;
        memset(ret->groups, 0, sizeof(ret->groups));
        ret->groups[0] = groups[0];
        for (size_t k = 1; k < count && program->first_group + k - 1 < ret->count; k++) {
            ret->groups[program->first_group + k - 1] = groups[k];
        }
    }
    return best != NULL;
}

bool regex_match(const Regex *regex, Str subject, size_t from, RegexMatch *ret)
{
    if (from > subject.len || (regex->anchored && from > 0)) {
        return false;
    }
    if (!subject.ptr) {
        subject = STR_EMPTY; /* a group with ptr NULL means something else */
    }
    RegexMatch match;
    match.count = MIN(regex->group_count + 1, (size_t)REGEX_GROUPS_MAX);
    bool plain = regex->spans || (regex->anchored && regex->group_count == 0);
    if (plain || (regex->anchored && regex->shaped)) {
        if (!regex_test(regex, subject)) {
            return false;
        }
    }
    if (regex->spans) {
        match_spans(regex, subject, &match);
    } else if (plain) {
        match.groups[0] = subject;
    } else if (!skip_to_prefix(regex, subject, &from) ||
               !match_programs(regex, subject, from, &match)) {
        return false;
    }
    *ret = match;
    return true;
}

static Str group_by_name(const Regex *regex, const RegexMatch *match, Str name)
{
    for (size_t i = 1; i < match->count; i++) {
        if (str_eq(regex->group_names[i], name) && match->groups[i].ptr) {
            return match->groups[i];
        }
    }
    return STR_EMPTY;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A group by number when the name is one without leading zeros, else by name. */
static Str group_value(const Regex *regex, const RegexMatch *match, Str name)
{
    u64 number;
    bool decimal =
        is_digit(name.ptr[0]) && (name.ptr[0] != '0' || name.len == 1) && str_to_u64(name, &number);
    if (!decimal) {
        return group_by_name(regex, match, name);
    }
    return number < match->count && match->groups[number].ptr ? match->groups[number] : STR_EMPTY;
}

/* The name behind a $; false when there is none, and the $ stands for itself. */
static bool read_name(Str *rest, Str *ret_name)
{
    Str s = *rest;
    bool braces = str_skip_prefix(&s, S("{"));
    size_t len = 0;
    while (len < s.len) {
        char c = s.ptr[len];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (u8)c >= 0x80;
        if (!letter && !is_digit(c) && c != '_') {
            break;
        }
        len++;
    }
    Str name = str_take(s, len);
    s = str_skip(s, len);
    if (len == 0 || (braces && !str_skip_prefix(&s, S("}")))) {
        return false;
    }
    *rest = s;
    *ret_name = name;
    return true;
}

void regex_expand(const Regex *regex, const RegexMatch *match, Str replacement, Buf *out)
{
    Str rest = replacement;
    for (;;) {
        size_t dollar = str_find_byte(rest, '$');
        if (dollar == STR_NOT_FOUND) {
            buf_str(out, rest);
            return;
        }
        buf_str(out, str_take(rest, dollar));
        rest = str_skip(rest, dollar + 1);
        Str name;
        if (str_skip_prefix(&rest, S("$"))) {
            buf_byte(out, '$');
        } else if (read_name(&rest, &name)) {
            buf_str(out, group_value(regex, match, name));
        } else {
            buf_byte(out, '$');
        }
    }
}

bool regex_literals(const Regex *regex, const Str **ret, size_t *ret_count)
{
    if (!regex->anchored || !regex->shaped || regex->shape_count > 0 ||
        regex->literal_count > LITERALS_MAX) {
        return false;
    }
    *ret = regex->literals;
    *ret_count = regex->literal_count;
    return true;
}

Str regex_prefix(const Regex *regex)
{
    return regex->prefix;
}

size_t regex_group_count(const Regex *regex)
{
    return regex->group_count;
}

Str regex_group_name(const Regex *regex, size_t group)
{
    return group >= 1 && group <= regex->group_count ? regex->group_names[group] : STR_EMPTY;
}
