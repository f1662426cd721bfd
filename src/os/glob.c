/*
 * Glob: path_glob and path_match of dir.h. A pattern is expanded component by component; only a
 * component with a wildcard lists its folder.
 *
 * Layer: os. Memory: results in the caller's arena, the rest in a scratch arena. Thread: any; these
 * block.
 */
#include "base/utf8.h"
#include "base/vec.h"
#include "os/dir.h"

#include <string.h>
#include <sys/stat.h>

#define GLOB_SCRATCH_MAX (64 * MIB) /* names of all folders that one pattern lists */

typedef enum TokenKind { TOKEN_BAD, TOKEN_STAR, TOKEN_ANY, TOKEN_RUNE, TOKEN_CLASS } TokenKind;

/* One element of a pattern. */
typedef struct Token {
    TokenKind kind;
    u32 rune;     /* TOKEN_RUNE */
    Str ranges;   /* TOKEN_CLASS: what stands in the brackets, behind "^" */
    bool negated; /* TOKEN_CLASS */
} Token;

typedef VEC(Str) StrVec;

/* A rune that may be escaped; in a class "-" and "]" must be. */
static bool take_rune(Str *in, bool in_class, u32 *ret)
{
    if (in_class && (in->len == 0 || in->ptr[0] == '-' || in->ptr[0] == ']')) {
        return false;
    }
    (void)str_skip_prefix(in, S("\\"));
    if (in->len == 0) {
        return false;
    }
    size_t len = utf8_decode(*in, ret);
    *in = str_skip(*in, len);
    return !in_class || len > 1 || *ret != RUNE_INVALID;
}

/* "a" or "a-z" */
static bool take_range(Str *in, u32 *ret_low, u32 *ret_high)
{
    if (!take_rune(in, true, ret_low)) {
        return false;
    }
    *ret_high = *ret_low;
    return !str_skip_prefix(in, S("-")) || take_rune(in, true, ret_high);
}

/* Behind "[": up to and with "]". */
static Token take_class(Str *in)
{
    Token token = {.kind = TOKEN_CLASS};
    token.negated = str_skip_prefix(in, S("^"));
    token.ranges = *in;
    do {
        u32 low;
        u32 high;
        if (!take_range(in, &low, &high)) {
            return (Token){.kind = TOKEN_BAD};
        }
    } while (in->len == 0 || in->ptr[0] != ']');
    token.ranges.len -= in->len;
    *in = str_skip(*in, 1);
    return token;
}

static Token take_token(Str *in)
{
    if (str_skip_prefix(in, S("*"))) {
        return (Token){.kind = TOKEN_STAR};
    }
    if (str_skip_prefix(in, S("?"))) {
        return (Token){.kind = TOKEN_ANY};
    }
    if (str_skip_prefix(in, S("["))) {
        return take_class(in);
    }
    Token token = {.kind = TOKEN_RUNE};
    if (!take_rune(in, false, &token.rune)) {
        token.kind = TOKEN_BAD;
    }
    return token;
}

static bool token_matches(Token token, u32 rune)
{
    if (token.kind != TOKEN_CLASS) {
        return token.kind == TOKEN_ANY || (token.kind == TOKEN_RUNE && token.rune == rune);
    }
    bool inside = false;
    while (token.ranges.len > 0) {
        u32 low;
        u32 high;
        if (!take_range(&token.ranges, &low, &high)) {
            return false; /* cannot be: take_class has read it */
        }
        inside = inside || (low <= rune && rune <= high);
    }
    return inside != token.negated;
}

static bool check_pattern(Str pattern, Err *err)
{
    Str rest = pattern;
    while (rest.len > 0) {
        size_t pos = pattern.len - rest.len;
        if (take_token(&rest).kind == TOKEN_BAD) {
            return err_set_pos(err, ERR_INVALID, pos, "syntax error in pattern");
        }
    }
    return true;
}

/* The pattern is well-formed. Only the last star needs another try: an earlier one that took less
 * would leave the later one the same choice. */
static bool matches(Str pattern, Str name)
{
    Str star_pattern = {0};
    Str star_name = {0};
    for (;;) {
        Str behind = pattern;
        Token token = pattern.len > 0 ? take_token(&behind) : (Token){.kind = TOKEN_BAD};
        if (token.kind == TOKEN_STAR) {
            star_pattern = behind;
            star_name = name;
            pattern = behind;
            continue;
        }
        u32 rune;
        size_t len = name.len > 0 ? utf8_decode(name, &rune) : 0;
        if (len == 0 && pattern.len == 0) {
            return true;
        }
        if (len > 0 && token_matches(token, rune)) {
            pattern = behind;
            name = str_skip(name, len);
            continue;
        }
        if (!star_pattern.ptr || star_name.len == 0) {
            return false;
        }
        star_name = str_skip(star_name, utf8_decode(star_name, &rune));
        pattern = star_pattern;
        name = star_name;
    }
}

bool path_match(Str pattern, Str name, bool *ret_match, Err *err)
{
    if (!check_pattern(pattern, err)) {
        return false;
    }
    *ret_match = matches(pattern, name);
    return true;
}

static bool has_wildcard(Str component)
{
    for (size_t i = 0; i < component.len; i++) {
        if (strchr("*?[\\", component.ptr[i]) && component.ptr[i] != '\0') {
            return true;
        }
    }
    return false;
}

static bool join(Arena *scratch, Str folder, Str name, StrVec *paths, Err *err)
{
    Str joined;
    Str slash = folder.len == 0 || str_ends_with(folder, S("/")) ? S("") : S("/");
    if (!arena_printf(scratch, &joined, err, STR_FMT STR_FMT STR_FMT, STR_ARG(folder),
                      STR_ARG(slash), STR_ARG(name))) {
        return false;
    }
    *vec_push(paths) = joined;
    return true;
}

/* Adds what matches in one folder; one that cannot be read holds no match. */
static bool expand_folder(Arena *scratch, Str folder, Str pattern, StrVec *paths, Err *err)
{
    Str *names;
    size_t count;
    Err cause;
    if (!dir_list(folder.len > 0 ? folder.ptr : ".", scratch, &names, &count, &cause)) {
        return cause.code != ERR_LIMIT || err_set(err, ERR_LIMIT, "glob: %s", cause.message);
    }
    for (size_t i = 0; i < count; i++) {
        if (matches(pattern, names[i]) && !join(scratch, folder, names[i], paths, err)) {
            return false;
        }
    }
    return true;
}

/* `paths` are the matches so far; they become those with one component more. */
static bool expand(Arena *scratch, Str component, StrVec *paths, Err *err)
{
    StrVec longer = {0};
    bool ok = true;
    bool wild = has_wildcard(component);
    for (size_t i = 0; i < paths->count && ok; i++) {
        ok = wild ? expand_folder(scratch, paths->at[i], component, &longer, err)
                  : join(scratch, paths->at[i], component, &longer, err);
    }
    vec_done(paths);
    *paths = longer;
    return ok;
}

static bool is_there(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0;
}

static bool copy_existing(const StrVec *paths, Arena *arena, Str **ret, size_t *ret_count, Err *err)
{
    size_t count = 0;
    Str *copy = ARENA_NEW(arena, Str, paths->count);
    if (!copy) {
        return arena_full(arena, err);
    }
    for (size_t i = 0; i < paths->count; i++) {
        if (!is_there(paths->at[i].ptr)) {
            continue; /* a component without a wildcard need not exist everywhere */
        }
        if (!arena_str(arena, paths->at[i], &copy[count], err)) {
            return false;
        }
        count++;
    }
    *ret = copy;
    *ret_count = count;
    return true;
}

bool path_glob(const char *pattern, Arena *arena, Str **ret, size_t *ret_count, Err *err)
{
    Str rest = str_from(pattern);
    Str component;
    CLEANUP(arena_done) Arena scratch;
    arena_init(&scratch, GLOB_SCRATCH_MAX);
    if (!check_pattern(rest, err)) {
        return false;
    }
    StrVec paths = {0};
    *vec_push(&paths) = str_starts_with(rest, S("/")) ? S("/") : S("");
    bool ok = true;
    bool named = rest.len > 0 && pattern[0] == '/';
    while (ok && str_split_next(&rest, '/', &component)) {
        if (component.len > 0 && !str_eq(component, S("."))) {
            ok = expand(&scratch, component, &paths, err);
            named = true;
        }
    }
    if (!named) {
        paths.count = 0; /* nothing but dots */
    }
    ok = ok && copy_existing(&paths, arena, ret, ret_count, err);
    vec_done(&paths);
    return ok;
}
