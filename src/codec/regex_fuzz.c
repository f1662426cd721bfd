/*
 * Regex fuzzer. Oracles: any pattern on any subject ends soon, and the ways to ask agree with each
 * other; and a random pattern of a small language, made from the input, matches exactly what a
 * naive twin says that computes sets of end positions.
 *
 * Layer: codec, tests only.
 */
#include "codec/regex.h"

#include "base/hash.h"
#include "base/random.h"

#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

enum {
    PATTERN_MAX = 400,
    SUBJECT_MAX = 2000,
    TWIN_SUBJECT_MAX = 12, /* positions fit into a bit set */
    TWIN_NODES_MAX = 64,
    TWIN_DEPTH_MAX = 4,
};

/* The ways to ask must not contradict each other. */
static void check_agreement(const Regex *regex, u32 flags, Str subject)
{
    RegexMatch match;
    u64 hits = regex_limit_hits();
    bool test = regex_test(regex, subject);
    bool matched = regex_match(regex, subject, 0, &match);
    if (regex_limit_hits() != hits) {
        return; /* given up: false by definition */
    }
    ASSERT(test == matched);
    if (matched) {
        Str whole = match.groups[0];
        ASSERT(whole.ptr >= subject.ptr && whole.ptr + whole.len <= subject.ptr + subject.len);
        ASSERT(str_starts_with(whole, regex_prefix(regex)));
        ASSERT(!(flags & REGEX_ANCHORED) || whole.len == subject.len);
        for (size_t i = 1; i < match.count; i++) {
            Str group = match.groups[i];
            ASSERT(!group.ptr || (group.ptr >= subject.ptr &&
                                  group.ptr + group.len <= subject.ptr + subject.len));
        }
        Buf out;
        buf_init(&out, MIB);
        regex_expand(regex, &match, S("$0-$1-${2}x$$"), &out);
        buf_done(&out);
    }
    const Str *literals;
    size_t count;
    if (regex_literals(regex, &literals, &count)) {
        bool found = false;
        for (size_t i = 0; i < count; i++) {
            found |= str_eq(literals[i], subject);
            ASSERT(regex_test(regex, literals[i]));
        }
        ASSERT(found == test);
    }
}

/* Input: one byte of flags, the pattern up to a NUL, the subject. */
static void check_any(const u8 *data, size_t size)
{
    Str rest = {.ptr = (const char *)data + 1, .len = size - 1};
    u32 flags = data[0] & (REGEX_ANCHORED | REGEX_DOT_ALL | REGEX_IGNORE_CASE);
    size_t nul = str_find_byte(rest, '\0');
    Str pattern = str_take(str_take(rest, nul), PATTERN_MAX);
    Str subject = nul == STR_NOT_FOUND ? STR_EMPTY : str_take(str_skip(rest, nul + 1), SUBJECT_MAX);
    Regex *regex = NULL;
    Err err = {0};
    if (!regex_new(pattern, flags, &regex, &err)) {
        ASSERT(!regex && err.code != ERR_NONE && err.pos <= pattern.len);
        ASSERT(str_starts_with(str_from(err.message), S("error parsing regexp: ")));
        return;
    }
    check_agreement(regex, flags, subject);
    check_agreement(regex, flags, pattern);
    regex_free(regex);
}

typedef enum TwinOp { TWIN_SET, TWIN_CONCAT, TWIN_ALTERNATE, TWIN_REPEAT, TWIN_EMPTY } TwinOp;

typedef struct TwinNode {
    TwinOp op;
    const char *members; /* TWIN_SET */
    bool negated;
    u32 min;
    u32 max;
    struct TwinNode *left;
    struct TwinNode *right;
} TwinNode;

typedef struct Twin {
    TwinNode nodes[TWIN_NODES_MAX];
    size_t count;
    Buf pattern;
    Random random;
    Str subject;
} Twin;

static TwinNode *new_node(Twin *twin, TwinOp op)
{
    ASSERT(twin->count < TWIN_NODES_MAX);
    TwinNode *node = &twin->nodes[twin->count++];
    *node = (TwinNode){.op = op};
    return node;
}

/* One code point: a letter, a class or a dot. */
static TwinNode *make_set(Twin *twin)
{
    static const struct {
        const char *text;
        const char *members;
        bool negated;
    } sets[] = {
        {"a", "a", false},    {"b", "b", false},     {"c", "c", false},
        {".", "\n", true},    {"(?s:.)", "", true},  {"[ab]", "ab", false},
        {"[^a]", "a", true},  {"\\x61", "a", false}, {"[[:lower:]]", "abcd", false},
        {"\\n", "\n", false},
    };
    size_t pick = random_below(&twin->random, COUNT_OF(sets));
    TwinNode *node = new_node(twin, TWIN_SET);
    node->members = sets[pick].members;
    node->negated = sets[pick].negated;
    buf_str(&twin->pattern, str_from(sets[pick].text));
    return node;
}

/* NOLINTNEXTLINE(misc-no-recursion): at most TWIN_DEPTH_MAX deep */
static TwinNode *make(Twin *twin, u32 depth)
{
    static const struct {
        const char *text;
        u32 min;
        u32 max;
    } repeats[] = {{"*", 0, 99},  {"+", 1, 99},  {"?", 0, 1},
                   {"*?", 0, 99}, {"{2}", 2, 2}, {"{1,3}", 1, 3}};
    if (depth == TWIN_DEPTH_MAX || twin->count + 2 * TWIN_DEPTH_MAX >= TWIN_NODES_MAX) {
        return make_set(twin);
    }
    TwinNode *node;
    size_t pick;
    switch (random_below(&twin->random, 6)) {
    case 0:
        node = new_node(twin, TWIN_REPEAT);
        buf_str(&twin->pattern, random_below(&twin->random, 2) ? S("(?:") : S("("));
        node->left = make(twin, depth + 1);
        pick = random_below(&twin->random, COUNT_OF(repeats));
        buf_printf(&twin->pattern, ")%s", repeats[pick].text);
        node->min = repeats[pick].min;
        node->max = repeats[pick].max;
        return node;
    case 1:
        node = new_node(twin, TWIN_REPEAT);
        node->left = make_set(twin);
        pick = random_below(&twin->random, COUNT_OF(repeats));
        buf_str(&twin->pattern, str_from(repeats[pick].text));
        node->min = repeats[pick].min;
        node->max = repeats[pick].max;
        return node;
    case 2:
        node = new_node(twin, TWIN_ALTERNATE);
        buf_lit(&twin->pattern, "(");
        node->left = make(twin, depth + 1);
        buf_lit(&twin->pattern, "|");
        node->right =
            random_below(&twin->random, 8) ? make(twin, depth + 1) : new_node(twin, TWIN_EMPTY);
        buf_lit(&twin->pattern, ")");
        return node;
    case 3:
        return make_set(twin);
    default:
        node = new_node(twin, TWIN_CONCAT);
        node->left = make(twin, depth + 1);
        node->right = make(twin, depth + 1);
        return node;
    }
}

static u64 run(const Twin *twin, const TwinNode *node, u64 from);

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the tree */
static u64 run_repeat(const Twin *twin, const TwinNode *node, u64 from)
{
    u64 ends = node->min == 0 ? from : 0;
    for (u32 i = 1; i <= node->max; i++) {
        u64 next = run(twin, node->left, from);
        u64 all = i >= node->min ? ends | next : ends;
        if (i > node->min && all == ends && next == from) {
            break;
        }
        from = next;
        ends = all;
    }
    return ends;
}

/* Where the node can end when it starts at one of the positions of `from`. */
/* NOLINTNEXTLINE(misc-no-recursion): as deep as the tree */
static u64 run(const Twin *twin, const TwinNode *node, u64 from)
{
    u64 ends = 0;
    switch (node->op) {
    case TWIN_EMPTY:
        return from;
    case TWIN_SET:
        for (size_t i = 0; i < twin->subject.len; i++) {
            bool member = strchr(node->members, twin->subject.ptr[i]) != NULL;
            if (from >> i & 1 && member != node->negated) {
                ends |= 1ULL << (i + 1);
            }
        }
        return ends;
    case TWIN_CONCAT:
        return run(twin, node->right, run(twin, node->left, from));
    case TWIN_ALTERNATE:
        return run(twin, node->left, from) | run(twin, node->right, from);
    case TWIN_REPEAT:
        return run_repeat(twin, node, from);
    }
    return 0;
}

static void check_twin(u64 seed)
{
    Twin twin = {0};
    char subject[TWIN_SUBJECT_MAX];
    random_seed(&twin.random, seed);
    buf_init(&twin.pattern, 4 * KIB);
    const TwinNode *root = make(&twin, 0);
    ASSERT(buf_ok(&twin.pattern, NULL));
    Regex *whole = NULL;
    Regex *part = NULL;
    ASSERT(regex_new(buf_view(&twin.pattern), REGEX_ANCHORED, &whole, NULL));
    ASSERT(regex_new(buf_view(&twin.pattern), 0, &part, NULL));
    for (int round = 0; round < 8; round++) {
        size_t len = random_below(&twin.random, TWIN_SUBJECT_MAX);
        for (size_t i = 0; i < len; i++) {
            subject[i] = "aaabbcd\n"[random_below(&twin.random, 8)];
        }
        twin.subject = (Str){.ptr = subject, .len = len};
        u64 everywhere = (2ULL << len) - 1;
        bool whole_wanted = run(&twin, root, 1) >> len & 1;
        bool part_wanted = run(&twin, root, everywhere) != 0;
        if (regex_test(whole, twin.subject) != whole_wanted ||
            regex_test(part, twin.subject) != part_wanted) {
            (void)fprintf(stderr, "pattern " STR_FMT " subject " STR_FMT "\n",
                          STR_ARG(buf_view(&twin.pattern)), STR_ARG(twin.subject));
            ASSERT(false);
        }
        check_agreement(whole, REGEX_ANCHORED, twin.subject);
        check_agreement(part, 0, twin.subject);
    }
    regex_free(whole);
    regex_free(part);
    buf_done(&twin.pattern);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    if (size > 0) {
        check_any(data, size);
    }
    /* Compiling is what takes time: the twin judges one input in four. */
    u64 seed = hash_bytes(data, size);
    if (seed % 4 == 0) {
        check_twin(seed);
    }
    return 0;
}
