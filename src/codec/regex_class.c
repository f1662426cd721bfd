/*
 * Regex classes: the named sets of RE2 (\d, [:alpha:], \p{Greek}) as ranges and PCRE2 properties.
 *
 * The Perl and POSIX sets are ASCII. When letter case does not matter they are closed under
 * Unicode folding here, before a negation, because k and s have a third form each (U+212A, U+017F).
 *
 * Layer: codec. Memory: the caller's arena. Thread: any.
 */
#define PCRE2_CODE_UNIT_WIDTH 8

#include "codec/regex_syntax.h"

#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    NAMED_RANGES_MAX = 4, /* of one Perl or POSIX set */
    FOLDED_RANGES_MAX = 2 * NAMED_RANGES_MAX + 2,
    PROPERTY_NAME_MAX = 64, /* bytes; the longest script name has 22 */
};

static const u32 rune_long_s = 0x17F;
static const u32 rune_kelvin = 0x212A;

typedef struct NamedSet {
    const char *name;
    u8 count;
    RegexRange ranges[NAMED_RANGES_MAX]; /* ascending, apart */
} NamedSet;

static const NamedSet posix_sets[] = {
    {"alnum", 3, {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}}},
    {"alpha", 2, {{'A', 'Z'}, {'a', 'z'}}},
    {"ascii", 1, {{0, 0x7F}}},
    {"blank", 2, {{'\t', '\t'}, {' ', ' '}}},
    {"cntrl", 2, {{0, 0x1F}, {0x7F, 0x7F}}},
    {"digit", 1, {{'0', '9'}}},
    {"graph", 1, {{'!', '~'}}},
    {"lower", 1, {{'a', 'z'}}},
    {"print", 1, {{' ', '~'}}},
    {"punct", 4, {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}}},
    {"space", 2, {{'\t', '\r'}, {' ', ' '}}},
    {"upper", 1, {{'A', 'Z'}}},
    {"word", 4, {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}},
    {"xdigit", 3, {{'0', '9'}, {'A', 'F'}, {'a', 'f'}}},
};

static const NamedSet perl_sets[] = {
    {"d", 1, {{'0', '9'}}},
    {"s", 3, {{'\t', '\n'}, {'\f', '\r'}, {' ', ' '}}},
    {"w", 4, {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}},
};

bool regex_class_add(Arena *arena, RegexClass *class, u32 low, u32 high)
{
    if (class->range_count == class->range_capacity) {
        size_t capacity = class->range_capacity ? class->range_capacity * 2 : 4;
        RegexRange *ranges = ARENA_NEW(arena, RegexRange, capacity);
        if (!ranges) {
            return false;
        }
        if (class->range_count > 0) {
            memcpy(ranges, class->ranges, class->range_count * sizeof(*ranges));
        }
        class->ranges = ranges;
        class->range_capacity = capacity;
    }
    class->ranges[class->range_count++] = (RegexRange){.low = low, .high = high};
    return true;
}

static int by_low(const void *a, const void *b)
{
    const RegexRange *left = a;
    const RegexRange *right = b;
    return (left->low > right->low) - (left->low < right->low);
}

/* Everything outside `ranges`, which are sorted here. */
static bool add_outside(Arena *arena, RegexClass *class, RegexRange *ranges, size_t count)
{
    qsort(ranges, count, sizeof(*ranges), by_low);
    u32 from = 0;
    for (size_t i = 0; i < count; i++) {
        if (ranges[i].low > from && !regex_class_add(arena, class, from, ranges[i].low - 1)) {
            return false;
        }
        from = MAX(from, ranges[i].high + 1);
    }
    return regex_class_add(arena, class, from, RUNE_LAST);
}

/* The part of `range` between low and high, moved by `offset`, when there is one. */
static size_t put_shifted(RegexRange *to, RegexRange range, u32 low, u32 high, i32 offset)
{
    u32 first = MAX(range.low, low);
    u32 last = MIN(range.high, high);
    if (first > last) {
        return 0;
    }
    *to = (RegexRange){.low = first + (u32)offset, .high = last + (u32)offset};
    return 1;
}

static bool holds(RegexRange range, u32 rune)
{
    return range.low <= rune && rune <= range.high;
}

static bool add_set(Arena *arena, RegexClass *class, const NamedSet *set, bool negated, bool fold)
{
    RegexRange ranges[FOLDED_RANGES_MAX + NAMED_RANGES_MAX];
    size_t count = 0;
    bool has_k = false;
    bool has_s = false;
    for (size_t i = 0; i < set->count; i++) {
        RegexRange range = set->ranges[i];
        ranges[count++] = range;
        if (fold) {
            count += put_shifted(&ranges[count], range, 'A', 'Z', 'a' - 'A');
            count += put_shifted(&ranges[count], range, 'a', 'z', 'A' - 'a');
            has_k |= holds(range, 'k') || holds(range, 'K');
            has_s |= holds(range, 's') || holds(range, 'S');
        }
    }
    if (has_s) {
        ranges[count++] = (RegexRange){rune_long_s, rune_long_s};
    }
    if (has_k) {
        ranges[count++] = (RegexRange){rune_kelvin, rune_kelvin};
    }
    if (negated) {
        return add_outside(arena, class, ranges, count);
    }
    for (size_t i = 0; i < count; i++) {
        if (!regex_class_add(arena, class, ranges[i].low, ranges[i].high)) {
            return false;
        }
    }
    return true;
}

bool regex_class_is_perl(char letter)
{
    return letter != '\0' && strchr("dDsSwW", letter) != NULL;
}

bool regex_class_add_perl(Arena *arena, RegexClass *class, char letter, bool fold)
{
    bool negated = letter < 'a';
    const char *name =
        negated ? (char[]){(char)(letter + ('a' - 'A')), '\0'} : (char[]){letter, '\0'};
    for (size_t i = 0; i < COUNT_OF(perl_sets); i++) {
        if (perl_sets[i].name[0] == name[0]) {
            return add_set(arena, class, &perl_sets[i], negated, fold);
        }
    }
    ASSERT(false); /* the caller asked regex_class_is_perl */
    return false;
}

bool regex_class_add_posix(Arena *arena, RegexClass *class, Str name, bool negated, bool fold,
                           bool *ret_known)
{
    for (size_t i = 0; i < COUNT_OF(posix_sets); i++) {
        if (str_eq(name, str_from(posix_sets[i].name))) {
            *ret_known = true;
            return add_set(arena, class, &posix_sets[i], negated, fold);
        }
    }
    *ret_known = false;
    return true;
}

/* Unicode general categories: short name, long names, and what differs under folding. */
typedef struct Category {
    const char *name;
    const char *aliases; /* separated by spaces, lower case without underscores */
    const char *pcre;
    const char *pcre_fold; /* NULL: the same */
} Category;

static const Category categories[] = {
    {"any", "", "Any", NULL},
    {"ascii", "", NULL, NULL}, /* a range, below */
    {"assigned", "", "^Cn", NULL},
    {"c", "other", "C", NULL},
    {"cc", "control cntrl", "Cc", NULL},
    {"cf", "format", "Cf", NULL},
    {"cn", "unassigned", "Cn", NULL},
    {"co", "privateuse", "Co", NULL},
    {"cs", "surrogate", "Cs", NULL},
    {"l", "letter", "L", NULL},
    {"lc", "casedletter", "L&", NULL},
    {"ll", "lowercaseletter", "Ll", "L&"},
    {"lm", "modifierletter", "Lm", NULL},
    {"lo", "otherletter", "Lo", NULL},
    {"lt", "titlecaseletter", "Lt", "L&"},
    {"lu", "uppercaseletter", "Lu", "L&"},
    {"m", "mark combiningmark", "M", NULL},
    {"mc", "spacingmark", "Mc", NULL},
    {"me", "enclosingmark", "Me", NULL},
    {"mn", "nonspacingmark", "Mn", NULL},
    {"n", "number", "N", NULL},
    {"nd", "decimalnumber digit", "Nd", NULL},
    {"nl", "letternumber", "Nl", NULL},
    {"no", "othernumber", "No", NULL},
    {"p", "punctuation punct", "P", NULL},
    {"pc", "connectorpunctuation", "Pc", NULL},
    {"pd", "dashpunctuation", "Pd", NULL},
    {"pe", "closepunctuation", "Pe", NULL},
    {"pf", "finalpunctuation", "Pf", NULL},
    {"pi", "initialpunctuation", "Pi", NULL},
    {"po", "otherpunctuation", "Po", NULL},
    {"ps", "openpunctuation", "Ps", NULL},
    {"s", "symbol", "S", NULL},
    {"sc", "currencysymbol", "Sc", NULL},
    {"sk", "modifiersymbol", "Sk", NULL},
    {"sm", "mathsymbol", "Sm", NULL},
    {"so", "othersymbol", "So", NULL},
    {"z", "separator", "Z", NULL},
    {"zl", "lineseparator", "Zl", NULL},
    {"zp", "paragraphseparator", "Zp", NULL},
    {"zs", "spaceseparator", "Zs", NULL},
};

static bool add_property(Arena *arena, RegexClass *class, const char *pcre, bool negated)
{
    if (class->property_count == class->property_capacity) {
        size_t capacity = class->property_capacity ? class->property_capacity * 2 : 4;
        Str *properties = ARENA_NEW(arena, Str, capacity);
        if (!properties) {
            return false;
        }
        if (class->property_count > 0) {
            memcpy(properties, class->properties, class->property_count * sizeof(*properties));
        }
        class->properties = properties;
        class->property_capacity = capacity;
    }
    if (*pcre == '^') {
        negated = !negated;
        pcre++;
    }
    Str *to = &class->properties[class->property_count];
    if (!arena_printf(arena, to, NULL, "\\%c{%s}", negated ? 'P' : 'p', pcre)) {
        return false;
    }
    class->property_count++;
    return true;
}

/* Does the library know a script of this name? Its tables follow one Unicode version. */
static bool script_known(const char *name)
{
    char pattern[PROPERTY_NAME_MAX + 16];
    int len = snprintf(pattern, sizeof(pattern), "\\p{sc:%s}", name);
    int code;
    size_t offset;
    pcre2_code *compiled =
        pcre2_compile((PCRE2_SPTR)pattern, (size_t)len, PCRE2_UTF, &code, &offset, NULL);
    bool known = compiled != NULL;
    pcre2_code_free(compiled);
    return known;
}

/* Lower case, without underscores; false when the name holds something no property name has. */
static bool normalise(Str name, char to[PROPERTY_NAME_MAX])
{
    size_t len = 0;
    if (name.len == 0 || name.len >= PROPERTY_NAME_MAX) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (c >= 'A' && c <= 'Z') {
            c = (char)(c - 'A' + 'a');
        }
        if (c >= 'a' && c <= 'z') {
            to[len++] = c;
        } else if (c != '_' && c != '-') {
            return false;
        }
    }
    to[len] = '\0';
    return len > 0;
}

static bool alias_matches(const char *aliases, const char *name)
{
    Str rest = str_from(aliases);
    Str alias;
    while (str_split_next(&rest, ' ', &alias)) {
        if (str_eq(alias, str_from(name))) {
            return true;
        }
    }
    return false;
}

bool regex_class_add_property(Arena *arena, RegexClass *class, Str name, bool negated, bool fold,
                              bool *ret_known)
{
    char key[PROPERTY_NAME_MAX];
    *ret_known = false;
    if (!normalise(name, key)) {
        return true;
    }
    for (size_t i = 0; i < COUNT_OF(categories); i++) {
        const Category *category = &categories[i];
        if (strcmp(category->name, key) != 0 && !alias_matches(category->aliases, key)) {
            continue;
        }
        *ret_known = true;
        if (!category->pcre) {
            NamedSet ascii = {"ascii", 1, {{0, 0x7F}}};
            return add_set(arena, class, &ascii, negated, fold);
        }
        const char *pcre = fold && category->pcre_fold ? category->pcre_fold : category->pcre;
        return add_property(arena, class, pcre, negated);
    }
    /* The library also takes ISO 15924 codes (Latn), which RE2 refuses: harmless. */
    if (!script_known(key)) {
        return true;
    }
    *ret_known = true;
    char pcre[PROPERTY_NAME_MAX + 4];
    (void)snprintf(pcre, sizeof(pcre), "sc:%s", key);
    return add_property(arena, class, pcre, negated);
}
