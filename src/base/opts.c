/* Opts: see opts.h; --help and the docs page are in opts_help.c. Layer: base. Memory: the caller's
 * arena. Thread: any. */
#include "base/opts.h"

#include "base/mem.h"
#include "base/quote.h"
#include "base/time.h"
#include "base/vec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    NUMBER_TEXT_MAX = 64, /* bytes of a number on the command line */
};

static const OptSpec help_flags[] = {
    {.name = "help", .letter = 'h', .kind = OPT_BOOL},
    {.name = "help-long", .kind = OPT_BOOL},
    {.name = "help-man", .kind = OPT_BOOL},
};
static const OptSpec version_flag = {.name = "version", .kind = OPT_BOOL};

typedef enum TokenKind { TOKEN_END, TOKEN_LONG, TOKEN_SHORT, TOKEN_ARGUMENT } TokenKind;

typedef struct Token {
    TokenKind kind;
    Str text; /* without dashes */
} Token;

/* The command line being read. A token may leave a rest behind: the value after "=", the other
 * letters of "-xyz". */
typedef struct Reader {
    char *const *argv;
    int argc;
    int next;
    bool only_arguments; /* behind "--" */
    Str argument;        /* ptr NULL: none */
    Str letters;         /* empty: none */
} Reader;

/* One flag as it was given. */
typedef struct Given {
    const OptSpec *spec;
    bool negated;
    Str value; /* none for booleans */
} Given;

static bool is_bool(const OptSpec *spec)
{
    return spec->kind == OPT_BOOL || spec->kind == OPT_IGNORED_BOOL;
}

static Token take_letter(Reader *in, Str letters)
{
    in->letters = str_skip(letters, 1);
    return (Token){.kind = TOKEN_SHORT, .text = str_take(letters, 1)};
}

static Token take_long(Reader *in, Str text)
{
    size_t equals = str_find_byte(text, '=');
    if (equals != STR_NOT_FOUND) {
        in->argument = str_skip(text, equals + 1);
        text = str_take(text, equals);
    }
    return (Token){.kind = TOKEN_LONG, .text = text};
}

static Token take_argument(Reader *in)
{
    return in->next < in->argc
               ? (Token){.kind = TOKEN_ARGUMENT, .text = str_from(in->argv[in->next++])}
               : (Token){.kind = TOKEN_END};
}

static Token take_token(Reader *in)
{
    if (in->argument.ptr) {
        Token token = {.kind = TOKEN_ARGUMENT, .text = in->argument};
        in->argument = (Str){0};
        return token;
    }
    if (in->letters.len > 0) {
        return take_letter(in, in->letters);
    }
    if (in->next >= in->argc || in->only_arguments || in->argv[in->next][0] != '-') {
        return take_argument(in);
    }
    Str text = str_from(in->argv[in->next++]);
    if (str_eq(text, S("--"))) {
        in->only_arguments = true;
        return take_argument(in);
    }
    return str_skip_prefix(&text, S("--")) ? take_long(in, text)
                                           : take_letter(in, str_skip(text, 1));
}

static const OptSpec *find_in(const OptSpec *specs, size_t count, Token token)
{
    for (size_t i = 0; i < count; i++) {
        bool same = token.kind == TOKEN_LONG ? str_eq(token.text, str_from(specs[i].name))
                                             : specs[i].letter && token.text.len == 1 &&
                                                   specs[i].letter == token.text.ptr[0];
        if (same) {
            return &specs[i];
        }
    }
    return NULL;
}

static const OptSpec *find_flag(const OptTable *table, Token token)
{
    const OptSpec *spec = find_in(table->specs, table->count, token);
    spec = spec ? spec : find_in(help_flags, COUNT_OF(help_flags), token);
    return spec ? spec : find_in(&version_flag, 1, token);
}

static bool unknown_flag(Token token, Err *err)
{
    return token.kind == TOKEN_LONG
               ? err_set(err, ERR_INVALID, "unknown long flag '--" STR_FMT "'", STR_ARG(token.text))
               : err_set(err, ERR_INVALID, "unknown short flag '-" STR_FMT "'",
                         STR_ARG(token.text));
}

static bool take_flag(const OptTable *table, Reader *in, Token token, Given *ret, Err *err)
{
    Given given = {.spec = find_flag(table, token)};
    Token positive = token;
    if (!given.spec && token.kind == TOKEN_LONG && str_skip_prefix(&positive.text, S("no-"))) {
        given.spec = find_flag(table, positive);
        given.negated = true;
    }
    if (!given.spec || (given.negated && !is_bool(given.spec))) {
        return unknown_flag(token, err);
    }
    if (!is_bool(given.spec)) {
        if (token.kind == TOKEN_SHORT && in->letters.len > 0) {
            in->argument = in->letters; /* -oVALUE */
            in->letters = STR_EMPTY;
        }
        Token value = take_token(in);
        if (value.kind != TOKEN_ARGUMENT) {
            const char *dashes = token.kind == TOKEN_LONG ? "--" : "-";
            return err_set(err, ERR_INVALID, "expected argument for flag '%s" STR_FMT "'", dashes,
                           STR_ARG(token.text));
        }
        given.value = value.text;
    }
    *ret = given;
    return true;
}

typedef VEC(Given) GivenVec;
typedef VEC(Str) StrVec;

/* The whole command line into flags and arguments; values are not looked at yet. */
static bool read_all(const OptTable *table, Reader *in, bool arguments_allowed, GivenVec *given,
                     StrVec *rest, Err *err)
{
    for (Token token = take_token(in); token.kind != TOKEN_END; token = take_token(in)) {
        if (token.kind == TOKEN_ARGUMENT) {
            if (!arguments_allowed) {
                return err_set(err, ERR_INVALID, "unexpected " STR_FMT, STR_ARG(token.text));
            }
            *vec_push(rest) = token.text;
            continue;
        }
        Given flag;
        if (!take_flag(table, in, token, &flag, err)) {
            return false;
        }
        *vec_push(given) = flag;
    }
    return true;
}

/* Decimal, with exponent. The process never leaves the C locale, so libc reads a point. */
static bool parse_f64(Str text, f64 *ret, Err *err)
{
    char copy[NUMBER_TEXT_MAX];
    char quoted[QUOTE_TEXT_MAX];
    bool plain = text.len > 0 && text.len < sizeof(copy) &&
                 strchr("eE+-", text.ptr[text.len - 1]) == NULL; /* glibc reads "1e" as 1 */
    for (size_t i = 0; i < text.len && plain; i++) {
        copy[i] = text.ptr[i];
        plain = text.ptr[i] != '\0' && strchr("0123456789+-.eE", text.ptr[i]);
    }
    int end = 0;
    f64 number;
    if (plain) {
        copy[text.len] = '\0';
        plain = sscanf(copy, "%lf%n", &number, &end) == 1 && (size_t)end == text.len;
    }
    if (!plain) {
        return err_set(err, ERR_INVALID, "strconv.ParseFloat: parsing %s: invalid syntax",
                       quote_text(quoted, text));
    }
    *ret = number;
    return true;
}

/* Integers may be written as 5e7, as in the originals. */
static bool parse_i64(const OptSpec *spec, Str text, i64 *ret, Err *err)
{
    i64 number;
    f64 wide;
    if (!str_to_i64(text, &number)) {
        if (!parse_f64(text, &wide, err)) {
            return false;
        }
        if (!(wide >= -0x1p63 && wide < 0x1p63)) {
            return err_set(err, ERR_INVALID, "flag '--%s': " STR_FMT " is out of range", spec->name,
                           STR_ARG(text));
        }
        number = (i64)wide;
    }
    if (spec->min != spec->max && (number < spec->min || number > spec->max)) {
        return err_set(err, ERR_INVALID, "flag '--%s' must be between %lld and %lld, got %lld",
                       spec->name, (long long)spec->min, (long long)spec->max, (long long)number);
    }
    *ret = number;
    return true;
}

static bool check_choice(const OptSpec *spec, Str text, Err *err)
{
    char list[ERR_MESSAGE_MAX / 2] = "";
    size_t used = 0;
    for (const char *const *choice = spec->choices; *choice; choice++) {
        if (str_eq(text, str_from(*choice))) {
            return true;
        }
        int len = snprintf(list + used, sizeof(list) - used, "%s%s", used > 0 ? "," : "", *choice);
        used = MIN(used + (size_t)len, sizeof(list) - 1);
    }
    return err_set(err, ERR_INVALID, "enum value must be one of %s, got '" STR_FMT "'", list,
                   STR_ARG(text));
}

static bool add_to_list(OptList *list, Str text, Arena *arena, Err *err)
{
    Str *at = ARENA_NEW(arena, Str, list->count + 1);
    if (!at) {
        return arena_full(arena, err);
    }
    if (list->count > 0) {
        memcpy(at, list->at, list->count * sizeof(*at));
    }
    at[list->count] = text;
    *list = (OptList){.at = at, .count = list->count + 1};
    return true;
}

static bool set_value(const OptSpec *spec, void *values, Str text, Arena *arena, Err *err)
{
    void *field = (u8 *)values + spec->offset;
    switch (spec->kind) {
    case OPT_ENUM:
        if (!check_choice(spec, text, err)) {
            return false;
        }
        *(Str *)field = text;
        return true;
    case OPT_STR:
        *(Str *)field = text;
        return true;
    case OPT_BOOL:
        *(bool *)field = str_eq(text, S("true"));
        return true;
    case OPT_I64:
        return parse_i64(spec, text, field, err);
    case OPT_F64:
        return parse_f64(text, field, err);
    case OPT_DURATION:
        return duration_parse(text, field, err);
    case OPT_SIZE:
        return size_parse(text, field, err);
    case OPT_LIST:
        return add_to_list(field, text, arena, err);
    case OPT_IGNORED:
    case OPT_IGNORED_BOOL:
        return true;
    }
    return true;
}

static void set_zero(const OptSpec *spec, void *values)
{
    static const size_t sizes[] = {
        [OPT_STR] = sizeof(Str),      [OPT_BOOL] = sizeof(bool),    [OPT_I64] = sizeof(i64),
        [OPT_F64] = sizeof(f64),      [OPT_DURATION] = sizeof(i64), [OPT_SIZE] = sizeof(u64),
        [OPT_LIST] = sizeof(OptList), [OPT_ENUM] = sizeof(Str),     [OPT_IGNORED_BOOL] = 0,
    };
    memset((u8 *)values + spec->offset, 0, sizes[spec->kind]);
    if (spec->kind == OPT_STR || spec->kind == OPT_ENUM) {
        *(Str *)((u8 *)values + spec->offset) = STR_EMPTY;
    }
}

static bool may_repeat(const OptSpec *spec)
{
    return spec->kind == OPT_LIST || spec->kind == OPT_IGNORED;
}

static bool set_given(const OptTable *table, const GivenVec *given, bool *seen, Arena *arena,
                      void *values, Err *err)
{
    for (size_t i = 0; i < given->count; i++) {
        const Given *flag = &given->at[i];
        size_t index = (size_t)(flag->spec - table->specs);
        if (seen[index] && !may_repeat(flag->spec)) {
            return err_set(err, ERR_INVALID, "flag '%s' cannot be repeated", flag->spec->name);
        }
        Str value = flag->value;
        if (is_bool(flag->spec)) {
            value = flag->negated ? S("false") : S("true");
        }
        if (!set_value(flag->spec, values, value, arena, err)) {
            return false;
        }
        seen[index] = true;
    }
    return true;
}

static bool set_defaults(const OptTable *table, const bool *seen, Arena *arena, void *values,
                         Err *err)
{
    for (size_t i = 0; i < table->count; i++) {
        const OptSpec *spec = &table->specs[i];
        if (seen[i]) {
            continue;
        }
        if (spec->required) {
            return err_set(err, ERR_INVALID, "required flag --%s not provided", spec->name);
        }
        if (spec->initial && !set_value(spec, values, str_from(spec->initial), arena, err)) {
            return false;
        }
    }
    return true;
}

static bool set_all(const OptTable *table, const GivenVec *given, Arena *arena, void *values,
                    Err *err)
{
    bool *seen = ARENA_NEW(arena, bool, table->count);
    if (!seen) {
        return arena_full(arena, err);
    }
    for (size_t i = 0; i < table->count; i++) {
        set_zero(&table->specs[i], values);
    }
    return set_given(table, given, seen, arena, values, err) &&
           set_defaults(table, seen, arena, values, err);
}

static bool keep_rest(const StrVec *rest, Arena *arena, OptList *ret_rest, Err *err)
{
    Str *at = ARENA_NEW(arena, Str, rest->count);
    if (!at) {
        return arena_full(arena, err);
    }
    if (rest->count > 0) {
        memcpy(at, rest->at, rest->count * sizeof(*at));
    }
    *ret_rest = (OptList){.at = at, .count = rest->count};
    return true;
}

/* --help and --version win over wrong values, but not over unknown flags; the first one counts. */
static OptOutcome find_action(const GivenVec *given)
{
    for (size_t i = 0; i < given->count; i++) {
        const OptSpec *spec = given->at[i].spec;
        if (spec == &version_flag) {
            return OPT_VERSION;
        }
        if (spec >= help_flags && spec < help_flags + COUNT_OF(help_flags)) {
            return OPT_HELP;
        }
    }
    return OPT_RUN;
}

OptOutcome opts_parse(const OptTable *table, int argc, char *const *argv, Arena *arena,
                      void *values, OptList *ret_rest, Err *err)
{
    Reader in = {.argv = argv, .argc = argc, .next = 1};
    GivenVec given = {0};
    StrVec rest = {0};
    OptOutcome outcome = OPT_BAD;
    if (read_all(table, &in, ret_rest != NULL, &given, &rest, err)) {
        outcome = find_action(&given);
    }
    if (outcome == OPT_RUN && (!set_all(table, &given, arena, values, err) ||
                               (ret_rest && !keep_rest(&rest, arena, ret_rest, err)))) {
        outcome = OPT_BAD;
    }
    vec_done(&given);
    vec_done(&rest);
    return outcome;
}

static void format_value(const OptSpec *spec, const void *values, Buf *out)
{
    const void *field = (const u8 *)values + spec->offset;
    const OptList *list = field;
    switch (spec->kind) {
    case OPT_STR:
    case OPT_ENUM:
        buf_str(out, *(const Str *)field);
        break;
    case OPT_BOOL:
        buf_str(out, *(const bool *)field ? S("true") : S("false"));
        break;
    case OPT_I64:
        buf_i64(out, *(const i64 *)field);
        break;
    case OPT_F64:
        buf_printf(out, "%g", *(const f64 *)field);
        break;
    case OPT_DURATION:
        duration_format(out, *(const i64 *)field);
        break;
    case OPT_SIZE:
        size_format(out, *(const u64 *)field);
        break;
    case OPT_LIST:
        for (size_t i = 0; i < list->count; i++) {
            buf_str(out, i > 0 ? S(",") : S(""));
            buf_str(out, list->at[i]);
        }
        break;
    case OPT_IGNORED:
    case OPT_IGNORED_BOOL:
        buf_str(out, str_from(spec->initial));
        break;
    }
}

static int by_name(const void *a, const void *b)
{
    const OptSpec *const *left = a;
    const OptSpec *const *right = b;
    return strcmp((*left)->name, (*right)->name);
}

void opts_each(const OptTable *table, const void *values,
               void (*each)(void *self, Str name, Str value), void *self)
{
    const OptSpec **sorted = MEM_ARRAY(const OptSpec *, table->count);
    for (size_t i = 0; i < table->count; i++) {
        sorted[i] = &table->specs[i];
    }
    qsort(sorted, table->count, sizeof(*sorted), by_name);
    Buf text;
    buf_init(&text, OPT_VALUE_TEXT_MAX);
    for (size_t i = 0; i < table->count; i++) {
        buf_clear(&text);
        format_value(sorted[i], values, &text);
        each(self, str_from(sorted[i]->name), buf_view(&text));
    }
    buf_done(&text);
    mem_free(sorted);
}
