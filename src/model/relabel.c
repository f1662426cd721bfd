/*
 * Relabelling: see relabel.h. Layer: model. Memory: new strings go into the builder's arena; what
 * is only needed in between lies in a Buf. Thread: any.
 */
#include "model/relabel.h"

#include "base/quote.h"
#include "codec/digest.h"
#include "codec/regex.h"
#include "model/letter_case.h"

#include <ctype.h>
#include <string.h>

enum {
    JOINED_MAX = 16 * 1024 * 1024, /* bytes of joined source values, or of one result */
};

static const char *const action_names[] = {
    [RELABEL_REPLACE] = "replace",
    [RELABEL_KEEP] = "keep",
    [RELABEL_DROP] = "drop",
    [RELABEL_KEEP_EQUAL] = "keepequal",
    [RELABEL_DROP_EQUAL] = "dropequal",
    [RELABEL_HASHMOD] = "hashmod",
    [RELABEL_LABEL_MAP] = "labelmap",
    [RELABEL_LABEL_DROP] = "labeldrop",
    [RELABEL_LABEL_KEEP] = "labelkeep",
    [RELABEL_LOWERCASE] = "lowercase",
    [RELABEL_UPPERCASE] = "uppercase",
};

bool relabel_action_parse(Str s, RelabelAction *ret)
{
    for (size_t i = 0; i < COUNT_OF(action_names); i++) {
        if (str_eq_ignore_case(s, str_from(action_names[i]))) {
            *ret = (RelabelAction)i;
            return true;
        }
    }
    return false;
}

const char *relabel_action_name(RelabelAction action)
{
    return action_names[action];
}

#define SEPARATOR_DEFAULT   S(";")
#define REGEX_DEFAULT       S("(.*)")
#define REPLACEMENT_DEFAULT S("$1")

void relabel_defaults(Relabel *relabel)
{
    *relabel = (Relabel){
        .action = RELABEL_REPLACE,
        .separator = SEPARATOR_DEFAULT,
        .regex_text = REGEX_DEFAULT,
        .target_label = STR_EMPTY,
        .replacement = REPLACEMENT_DEFAULT,
    };
}

static bool has_variable(Str template)
{
    return str_find_byte(template, '$') != STR_NOT_FOUND;
}

static bool name_valid(Str name, bool utf8_names)
{
    return utf8_names ? label_name_utf8_valid(name) : label_name_legacy_valid(name);
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* The bytes of a variable at the front, $1, $name, ${name}; 0 when there is none. */
static size_t variable_size(Str s)
{
    if (s.len < 2 || s.ptr[0] != '$') {
        return 0;
    }
    bool braced = s.ptr[1] == '{';
    size_t at = braced ? 2 : 1;
    size_t begin = at;
    while (at < s.len && is_word(s.ptr[at])) {
        at++;
    }
    if (at == begin || (braced && (at == s.len || s.ptr[at] != '}'))) {
        return 0;
    }
    return at + braced;
}

/* A legacy name in which variables may stand for parts: "a_$1", "${1}_total"; digits not first. */
static bool legacy_template_valid(Str s)
{
    for (bool first = true; s.len > 0; first = false) {
        size_t variable = variable_size(s);
        bool digit = s.ptr[0] >= '0' && s.ptr[0] <= '9';
        if (variable == 0 && (!is_word(s.ptr[0]) || (digit && first))) {
            return false;
        }
        s = str_skip(s, variable ? variable : 1);
        if (s.len == 0) {
            return true;
        }
    }
    return false;
}

static bool template_valid(Str s, bool utf8_names)
{
    return utf8_names ? label_name_utf8_valid(s) : legacy_template_valid(s);
}

static bool needs_target(RelabelAction action)
{
    switch (action) {
    case RELABEL_REPLACE:
    case RELABEL_HASHMOD:
    case RELABEL_LOWERCASE:
    case RELABEL_UPPERCASE:
    case RELABEL_KEEP_EQUAL:
    case RELABEL_DROP_EQUAL:
        return true;
    default:
        return false;
    }
}

static bool invalid_name(const Relabel *relabel, Str name, const char *field, Err *err)
{
    char quoted[QUOTE_TEXT_MAX];
    return err_set(err, ERR_INVALID, "%s is invalid '%s' for %s action", quote_text(quoted, name),
                   field, relabel_action_name(relabel->action));
}

static bool check_names(const Relabel *relabel, bool utf8_names, Err *err)
{
    Str target = relabel->target_label;
    bool is_template = relabel->action == RELABEL_REPLACE && has_variable(target);
    if (needs_target(relabel->action) && target.len == 0) {
        return err_set(err, ERR_INVALID,
                       "relabel configuration for %s action requires 'target_label' value",
                       relabel_action_name(relabel->action));
    }
    if (needs_target(relabel->action) &&
        !(is_template ? template_valid(target, utf8_names) : name_valid(target, utf8_names))) {
        return invalid_name(relabel, target, "target_label", err);
    }
    if (relabel->action == RELABEL_LABEL_MAP && !template_valid(relabel->replacement, utf8_names)) {
        return invalid_name(relabel, relabel->replacement, "replacement", err);
    }
    return true;
}

/* Fields that an action does not use must keep their default, so that a misunderstanding shows. */
static bool check_unused(const Relabel *relabel, Err *err)
{
    const char *name = relabel_action_name(relabel->action);
    bool replacement_set = !str_eq(relabel->replacement, REPLACEMENT_DEFAULT);
    bool plain =
        relabel->modulus == 0 && str_eq(relabel->separator, SEPARATOR_DEFAULT) && !replacement_set;
    switch (relabel->action) {
    case RELABEL_LOWERCASE:
    case RELABEL_UPPERCASE:
    case RELABEL_KEEP_EQUAL:
    case RELABEL_DROP_EQUAL:
        if (replacement_set) {
            return err_set(err, ERR_INVALID, "'replacement' can not be set for %s action", name);
        }
        if ((relabel->action == RELABEL_KEEP_EQUAL || relabel->action == RELABEL_DROP_EQUAL) &&
            !(plain && str_eq(relabel->regex_text, REGEX_DEFAULT))) {
            return err_set(err, ERR_INVALID,
                           "%s action requires only 'source_labels' and `target_label`, and no "
                           "other fields",
                           name);
        }
        return true;
    case RELABEL_LABEL_DROP:
    case RELABEL_LABEL_KEEP:
        if (!plain || relabel->source_count > 0 || relabel->target_label.len > 0) {
            return err_set(err, ERR_INVALID, "%s action requires only 'regex', and no other fields",
                           name);
        }
        return true;
    default:
        return true;
    }
}

bool relabel_finish(Relabel *relabel, bool utf8_names, Err *err)
{
    Regex *regex;
    if (relabel->action == RELABEL_HASHMOD && relabel->modulus == 0) {
        return err_set(err, ERR_INVALID,
                       "relabel configuration for hashmod requires non-zero modulus");
    }
    if (!check_names(relabel, utf8_names, err) || !check_unused(relabel, err) ||
        !regex_new(relabel->regex_text, REGEX_ANCHORED | REGEX_DOT_ALL, &regex, err)) {
        return false;
    }
    relabel->regex = regex;
    relabel->utf8_names = utf8_names;
    return true;
}

void relabel_done(Relabel *relabel)
{
    regex_free(relabel->regex);
    relabel->regex = NULL;
}

/* The work space of one step: what it joins, expands or prints before it is kept. */
typedef struct Step {
    const Relabel *rule;
    LabelsBuilder *builder;
    Buf joined; /* owned; only when more than one source label */
    Buf text;   /* owned */
    Err *err;
} Step;

static Str join_sources(Step *step)
{
    const Relabel *rule = step->rule;
    if (rule->source_count == 1) {
        return labels_builder_get(step->builder, rule->source_labels[0]);
    }
    for (size_t i = 0; i < rule->source_count; i++) {
        if (i > 0) {
            buf_str(&step->joined, rule->separator);
        }
        buf_str(&step->joined, labels_builder_get(step->builder, rule->source_labels[i]));
    }
    return buf_view(&step->joined);
}

/* Sets a label whose bytes lie in a Buf or in a match: they are copied into the arena first. */
static bool set_copied(Step *step, Str name, Str value)
{
    Arena *arena = step->builder->arena;
    if (value.len == 0) {
        labels_builder_del(step->builder, name);
        return true;
    }
    return arena_str(arena, name, &name, step->err) && arena_str(arena, value, &value, step->err) &&
           labels_builder_set(step->builder, name, value, step->err);
}

static bool replace(Step *step, Str joined)
{
    const Relabel *rule = step->rule;
    RegexMatch match;
    if (!regex_match(rule->regex, joined, 0, &match)) {
        return true; /* no match, no change */
    }
    regex_expand(rule->regex, &match, rule->target_label, &step->text);
    size_t target_size = step->text.len;
    regex_expand(rule->regex, &match, rule->replacement, &step->text);
    if (!buf_ok(&step->text, step->err)) {
        return false;
    }
    Str target = str_take(buf_view(&step->text), target_size);
    Str value = str_skip(buf_view(&step->text), target_size);
    return !name_valid(target, rule->utf8_names) || set_copied(step, target, value);
}

static bool hashmod(Step *step, Str joined)
{
    u8 digest[MD5_SIZE];
    u64 number = 0;
    md5(joined, digest);
    for (size_t i = MD5_SIZE - 8; i < MD5_SIZE; i++) {
        number = number << 8 | digest[i];
    }
    buf_u64(&step->text, number % step->rule->modulus);
    return set_copied(step, step->rule->target_label, buf_view(&step->text));
}

/* Every label whose name matches is also set under the expanded name; those set here do not count
 * as matching. */
static bool label_map(Step *step)
{
    LabelsBuilder *builder = step->builder;
    LabelsBuilder before = *builder;
    before.at = ARENA_NEW(builder->arena, Label, builder->count);
    if (!before.at) {
        return arena_full(builder->arena, step->err);
    }
    if (builder->count > 0) {
        memcpy(before.at, builder->at, builder->count * sizeof(Label));
    }
    for (size_t i = 0; i < before.count; i++) {
        RegexMatch match;
        if (before.at[i].value.len == 0 ||
            !regex_match(step->rule->regex, before.at[i].name, 0, &match)) {
            continue;
        }
        buf_clear(&step->text);
        regex_expand(step->rule->regex, &match, step->rule->replacement, &step->text);
        if (!buf_ok(&step->text, step->err)) {
            return false;
        }
        if (step->text.len > 0 && !set_copied(step, buf_view(&step->text), before.at[i].value)) {
            return false;
        }
    }
    return true;
}

static void delete_labels(Step *step, bool matching)
{
    LabelsBuilder *builder = step->builder;
    for (size_t i = 0; i < builder->count; i++) {
        if (regex_test(step->rule->regex, builder->at[i].name) == matching) {
            builder->at[i].value = STR_EMPTY;
        }
    }
}

static bool change_case(Step *step, Str joined)
{
    if (step->rule->action == RELABEL_LOWERCASE) {
        text_lower(&step->text, joined);
    } else {
        text_upper(&step->text, joined);
    }
    return buf_ok(&step->text, step->err) &&
           set_copied(step, step->rule->target_label, buf_view(&step->text));
}

static bool apply(Step *step)
{
    const Relabel *rule = step->rule;
    Str joined = join_sources(step);
    if (!buf_ok(&step->joined, step->err)) {
        return false;
    }
    switch (rule->action) {
    case RELABEL_REPLACE:
        return replace(step, joined);
    case RELABEL_KEEP:
        return regex_test(rule->regex, joined);
    case RELABEL_DROP:
        return !regex_test(rule->regex, joined);
    case RELABEL_KEEP_EQUAL:
        return str_eq(labels_builder_get(step->builder, rule->target_label), joined);
    case RELABEL_DROP_EQUAL:
        return !str_eq(labels_builder_get(step->builder, rule->target_label), joined);
    case RELABEL_HASHMOD:
        return hashmod(step, joined);
    case RELABEL_LABEL_MAP:
        return label_map(step);
    case RELABEL_LABEL_DROP:
        delete_labels(step, true);
        return true;
    case RELABEL_LABEL_KEEP:
        delete_labels(step, false);
        return true;
    case RELABEL_LOWERCASE:
    case RELABEL_UPPERCASE:
        return change_case(step, joined);
    }
    return true;
}

bool relabel_step(const Relabel *rule, LabelsBuilder *builder, Err *err)
{
    Err unused;
    Step step = {.rule = rule, .builder = builder, .err = err ? err : &unused};
    err_clear(step.err);
    buf_init(&step.joined, JOINED_MAX);
    buf_init(&step.text, JOINED_MAX);
    bool kept = apply(&step);
    buf_done(&step.joined);
    buf_done(&step.text);
    return kept;
}

bool relabel_apply(const Relabel *rules, size_t count, LabelsBuilder *builder, Err *err)
{
    if (err) {
        err_clear(err);
    }
    for (size_t i = 0; i < count; i++) {
        if (!relabel_step(&rules[i], builder, err)) {
            return false;
        }
    }
    return true;
}
