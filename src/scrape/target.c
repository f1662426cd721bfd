/* Targets: see target.h. Layer: scrape. Memory: each target's arena. Thread: immutable. */
#include "scrape/target.h"

#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/quote.h"
#include "base/time.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

#define LABEL_JOB            S("job")
#define LABEL_INSTANCE       S("instance")
#define LABEL_SCHEME         S("__scheme__")
#define LABEL_METRICS_PATH   S("__metrics_path__")
#define LABEL_INTERVAL       S("__scrape_interval__")
#define LABEL_TIMEOUT        S("__scrape_timeout__")
#define LABEL_UNIX_SOCKET    S("__unix_socket__")
#define LABEL_NATIVE         S("__scrape_native_histograms__")
#define LABEL_ALWAYS_CLASSIC S("__always_scrape_classic_histograms__")
#define LABEL_CONVERT        S("__convert_classic_histograms_to_nhcb__")
#define PREFIX_RESERVED      S("__")
#define PREFIX_META          S("__meta_")
#define PREFIX_PARAM         S("__param_")

typedef struct Maker {
    const TargetSpec *spec;
    Target *target;
    LabelsBuilder builder;
    Err *err;
} Maker;

static bool set_default(Maker *maker, Str name, Str value)
{
    return labels_builder_get(&maker->builder, name).len > 0 ||
           labels_builder_set(&maker->builder, name, value, maker->err);
}

static bool set_default_duration(Maker *maker, Str name, i64 ms)
{
    Buf text;
    Str copy = STR_EMPTY;
    buf_init(&text, 128);
    duration_format(&text, ms);
    bool ok = arena_str(&maker->target->arena, buf_view(&text), &copy, maker->err) &&
              set_default(maker, name, copy);
    buf_done(&text);
    return ok;
}

static Str bool_text(bool value)
{
    return value ? S("true") : S("false");
}

/* Group labels first, so that the target's own replace them. */
static bool add_given(Maker *maker, Labels own, Labels group)
{
    for (size_t i = 0; i < group.count; i++) {
        if (!labels_builder_set(&maker->builder, group.at[i].name, group.at[i].value, maker->err)) {
            return false;
        }
    }
    for (size_t i = 0; i < own.count; i++) {
        if (!labels_builder_set(&maker->builder, own.at[i].name, own.at[i].value, maker->err)) {
            return false;
        }
    }
    return true;
}

static bool add_params(Maker *maker)
{
    for (size_t i = 0; i < maker->spec->param_count; i++) {
        const UrlParam *param = &maker->spec->params[i];
        Str name;
        if (!arena_printf(&maker->target->arena, &name, maker->err, "__param_" STR_FMT,
                          STR_ARG(param->name)) ||
            (param->count > 0 && !set_default(maker, name, param->values[0]))) {
            return false;
        }
    }
    return true;
}

/* The discovered set: what was given, completed with what the job says. */
static bool discover(Maker *maker, Labels own, Labels group)
{
    const TargetSpec *spec = maker->spec;
    Labels labels;
    return add_given(maker, own, group) && set_default(maker, LABEL_JOB, spec->job) &&
           set_default_duration(maker, LABEL_INTERVAL, spec->interval_ms) &&
           set_default_duration(maker, LABEL_TIMEOUT, spec->timeout_ms) &&
           set_default(maker, LABEL_METRICS_PATH, spec->metrics_path) &&
           set_default(maker, LABEL_SCHEME, spec->scheme) &&
           set_default(maker, LABEL_CONVERT, bool_text(spec->convert_classic_histograms)) &&
           set_default(maker, LABEL_ALWAYS_CLASSIC,
                       bool_text(spec->always_scrape_classic_histograms)) &&
           set_default(maker, LABEL_NATIVE, bool_text(spec->scrape_native_histograms)) &&
           add_params(maker) && labels_builder_finish(&maker->builder, &labels, maker->err) &&
           labels_copy(&maker->target->arena, labels, &maker->target->discovered, maker->err) &&
           labels_builder_from(&maker->builder, maker->target->discovered, maker->err);
}

static bool read_duration(Maker *maker, Str name, const char *what, i64 *ret_ms)
{
    Str text = labels_builder_get(&maker->builder, name);
    if (!duration_parse(text, ret_ms, maker->err)) {
        return err_wrap(maker->err, "error parsing scrape %s", what);
    }
    if (*ret_ms <= 0) {
        return err_set(maker->err, ERR_INVALID, "scrape %s cannot be 0", what);
    }
    return true;
}

static bool read_schedule(Maker *maker)
{
    Target *target = maker->target;
    if (!read_duration(maker, LABEL_INTERVAL, "interval", &target->interval_ms) ||
        !read_duration(maker, LABEL_TIMEOUT, "timeout", &target->timeout_ms)) {
        return false;
    }
    if (target->timeout_ms > target->interval_ms) {
        char timeout[QUOTE_TEXT_MAX], interval[QUOTE_TEXT_MAX];
        return err_set(maker->err, ERR_INVALID,
                       "scrape timeout cannot be greater than scrape interval (%s > %s)",
                       quote_text(timeout, labels_builder_get(&maker->builder, LABEL_TIMEOUT)),
                       quote_text(interval, labels_builder_get(&maker->builder, LABEL_INTERVAL)));
    }
    return true;
}

/* As Go's strconv.ParseBool. */
static bool parse_bool(Str text, bool *ret)
{
    static const struct {
        Str text;
        bool value;
    } words[] = {
        {STR_INIT("1"), true},      {STR_INIT("t"), true},      {STR_INIT("T"), true},
        {STR_INIT("true"), true},   {STR_INIT("TRUE"), true},   {STR_INIT("True"), true},
        {STR_INIT("0"), false},     {STR_INIT("f"), false},     {STR_INIT("F"), false},
        {STR_INIT("false"), false}, {STR_INIT("FALSE"), false}, {STR_INIT("False"), false},
    };
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (str_eq(text, words[i].text)) {
            *ret = words[i].value;
            return true;
        }
    }
    return false;
}

static bool read_switch(Maker *maker, Str name, const char *what, bool initial, bool *ret)
{
    Str text = labels_builder_get(&maker->builder, name);
    *ret = initial;
    if (text.len > 0 && !parse_bool(text, ret)) {
        char quoted[QUOTE_TEXT_MAX];
        return err_set(maker->err, ERR_INVALID,
                       "error parsing %s: strconv.ParseBool: parsing %s: invalid syntax", what,
                       quote_text(quoted, text));
    }
    return true;
}

static bool read_switches(Maker *maker)
{
    const TargetSpec *spec = maker->spec;
    Target *target = maker->target;
    return read_switch(maker, LABEL_CONVERT, "convert classic histograms to nhcb",
                       spec->convert_classic_histograms, &target->convert_classic_histograms) &&
           read_switch(maker, LABEL_ALWAYS_CLASSIC, "always scrape classic histograms",
                       spec->always_scrape_classic_histograms,
                       &target->always_scrape_classic_histograms) &&
           read_switch(maker, LABEL_NATIVE, "scrape native histograms",
                       spec->scrape_native_histograms, &target->scrape_native_histograms);
}

static bool check_address(Maker *maker, Str address)
{
    char quoted[QUOTE_TEXT_MAX];
    if (address.len == 0) {
        return err_set(maker->err, ERR_INVALID, "no address");
    }
    if (str_find_byte(address, '/') != STR_NOT_FOUND) {
        return err_set(maker->err, ERR_INVALID, "%s is not a valid hostname",
                       quote_text(quoted, address));
    }
    return true;
}

static bool check_values(Maker *maker, Labels labels)
{
    for (size_t i = 0; i < labels.count; i++) {
        if (!utf8_valid(labels.at[i].value)) {
            char name[QUOTE_TEXT_MAX], value[QUOTE_TEXT_MAX];
            return err_set(maker->err, ERR_INVALID, "invalid label value for %s: %s",
                           quote_text(name, labels.at[i].name),
                           quote_text(value, labels.at[i].value));
        }
    }
    return true;
}

static void drop_meta(LabelsBuilder *builder)
{
    for (size_t i = 0; i < builder->count; i++) {
        if (str_starts_with(builder->at[i].name, PREFIX_META)) {
            builder->at[i].value = STR_EMPTY;
        }
    }
}

/* The labels that samples carry: those whose names are not reserved. */
static bool pick_public(Maker *maker)
{
    Target *target = maker->target;
    Label *kept = ARENA_NEW(&target->arena, Label, target->all.count);
    size_t count = 0;
    if (!kept) {
        return arena_full(&target->arena, maker->err);
    }
    for (size_t i = 0; i < target->all.count; i++) {
        if (!str_starts_with(target->all.at[i].name, PREFIX_RESERVED)) {
            kept[count++] = target->all.at[i];
        }
    }
    target->labels = (Labels){.at = kept, .count = count};
    return true;
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-_.~", c));
}

/* `also`: further bytes that stay as they are. */
static void put_escaped(Buf *out, Str s, const char *also)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (is_unreserved(c) || (c != '\0' && strchr(also, c))) {
            buf_byte(out, (u8)c);
        } else if (c == ' ' && also[0] == '\0') {
            buf_byte(out, '+'); /* as queries write it */
        } else {
            buf_printf(out, "%%%02X", (u8)c);
        }
    }
}

/* One name and value of the query; those of one name keep their order. */
typedef struct QueryPart {
    Str name;
    Str value;
    size_t order;
} QueryPart;

static int query_part_cmp(const void *a, const void *b)
{
    const QueryPart *left = a, *right = b;
    int order = str_cmp(left->name, right->name);
    return order ? order : (left->order > right->order) - (left->order < right->order);
}

/* The job's parameters, where a label __param_x replaces the first value of x. */
static bool collect_query(Maker *maker, QueryPart **ret, size_t *ret_count)
{
    const TargetSpec *spec = maker->spec;
    Labels all = maker->target->all;
    size_t capacity = all.count, count = 0;
    for (size_t i = 0; i < spec->param_count; i++) {
        capacity += spec->params[i].count;
    }
    QueryPart *parts = ARENA_NEW(&maker->target->arena, QueryPart, capacity);
    if (!parts) {
        return arena_full(&maker->target->arena, maker->err);
    }
    for (size_t i = 0; i < all.count; i++) {
        Str name = all.at[i].name;
        if (str_skip_prefix(&name, PREFIX_PARAM)) {
            parts[count++] = (QueryPart){.name = name, .value = all.at[i].value};
        }
    }
    size_t from_labels = count;
    for (size_t i = 0; i < spec->param_count; i++) {
        const UrlParam *param = &spec->params[i];
        bool replaced = false;
        for (size_t k = 0; k < from_labels; k++) {
            replaced |= str_eq(parts[k].name, param->name);
        }
        for (size_t k = replaced; k < param->count; k++) {
            parts[count++] =
                (QueryPart){.name = param->name, .value = param->values[k], .order = k};
        }
    }
    *ret = parts;
    *ret_count = count;
    return true;
}

static void put_url(Buf *out, const Target *target, QueryPart *parts, size_t count)
{
    Str host = labels_get(target->all, LABEL_ADDRESS);
    Str path = labels_get(target->all, LABEL_METRICS_PATH);
    buf_str(out, labels_get(target->all, LABEL_SCHEME));
    buf_lit(out, "://");
    buf_str(out, host);
    if (path.len > 0 && path.ptr[0] != '/') {
        buf_byte(out, '/');
    }
    put_escaped(out, path, "$&+,/:;=@");
    qsort(parts, count, sizeof(*parts), query_part_cmp);
    for (size_t i = 0; i < count; i++) {
        buf_byte(out, i == 0 ? '?' : '&');
        put_escaped(out, parts[i].name, "");
        buf_byte(out, '=');
        put_escaped(out, parts[i].value, "");
    }
}

static bool make_url(Maker *maker)
{
    Target *target = maker->target;
    QueryPart *parts = NULL;
    size_t count = 0;
    Buf text;
    if (!collect_query(maker, &parts, &count)) {
        return false;
    }
    buf_init(&text, TARGET_BYTES_MAX);
    put_url(&text, target, parts, count);
    bool ok = buf_ok(&text, maker->err) &&
              arena_str(&target->arena, buf_view(&text), &target->url, maker->err);
    buf_done(&text);
    return ok;
}

static bool finish(Maker *maker)
{
    Target *target = maker->target;
    LabelsBuilder *builder = &maker->builder;
    Str address = labels_builder_get(builder, LABEL_ADDRESS);
    Labels labels;
    if (!check_address(maker, address) || !read_schedule(maker) || !read_switches(maker)) {
        return false;
    }
    drop_meta(builder);
    if (labels_builder_get(builder, LABEL_INSTANCE).len == 0 &&
        !labels_builder_set(builder, LABEL_INSTANCE, address, maker->err)) {
        return false;
    }
    if (!labels_builder_finish(builder, &labels, maker->err) || !check_values(maker, labels) ||
        !labels_copy(&target->arena, labels, &target->all, maker->err) || !pick_public(maker) ||
        !make_url(maker)) {
        return false;
    }
    target->unix_socket = labels_get(target->all, LABEL_UNIX_SOCKET);
    target->hash = hash_combine(labels_hash(target->all), hash_str(target->url));
    return true;
}

static bool make(Maker *maker, Labels own, Labels group)
{
    Err relabel_err;
    if (!discover(maker, own, group)) {
        return false;
    }
    if (relabel_apply(maker->spec->relabel, maker->spec->relabel_count, &maker->builder,
                      &relabel_err)) {
        return finish(maker);
    }
    maker->target->dropped = true;
    if (relabel_err.code != ERR_NONE) {
        return err_set(maker->err, relabel_err.code, "%s", relabel_err.message);
    }
    return true;
}

bool target_new(const TargetSpec *spec, Labels own, Labels group, Target **ret, Err *err)
{
    Arena scratch;
    Maker maker = {.spec = spec, .target = MEM_NEW(Target), .err = err};
    arena_init(&scratch, TARGET_BYTES_MAX);
    arena_init(&maker.target->arena, TARGET_BYTES_MAX);
    labels_builder_init(&maker.builder, &scratch);
    bool ok = make(&maker, own, group);
    arena_done(&scratch);
    if (!ok) {
        target_free(maker.target);
        return false;
    }
    *ret = maker.target;
    return true;
}

Target *target_free(Target *target)
{
    if (target) {
        arena_done(&target->arena);
        mem_free(target);
    }
    return NULL;
}

i64 target_offset_ns(const Target *target, u64 seed, i64 now_unix_ns)
{
    i64 interval_ns = target->interval_ms * NS_PER_MS;
    i64 to_boundary = interval_ns - now_unix_ns % interval_ns;
    i64 next = to_boundary + (i64)((target->hash ^ seed) % (u64)interval_ns);
    return next > interval_ns ? next - interval_ns : next;
}
