/* Metric page: see metric_page.h. Layer: codec. Memory: metric_page_free. Thread: one at a time. */
#include "codec/metric_page.h"

#include "base/map.h"
#include "base/mem.h"
#include "codec/number.h"

#include <stdlib.h>
#include <string.h>

enum {
    NAMES_MAX = 16 * 1024 * 1024, /* bytes of names and help texts */
};

typedef struct Family {
    Str name; /* in the names arena */
    Str help;
    PageType type;
    u32 first; /* sample, 1-based; 0: none */
    u32 last;
    u32 count;
} Family;

typedef struct Sample {
    u32 text; /* offset in texts: name and labels */
    u32 text_len;
    u32 next; /* sample of the same family, 1-based */
    f64 value;
} Sample;

struct MetricPage {
    Arena names;
    StrMap by_name; /* keys in names */
    VEC(Family) families;
    VEC(Sample) samples;
    VEC(const Sample *) sorted; /* of one family, while it is written */
    VEC(const Family *) order;
    Buf texts;
    bool full; /* the names arena had no room */
};

MetricPage *metric_page_new(void)
{
    MetricPage *page = MEM_NEW(MetricPage);
    arena_init(&page->names, NAMES_MAX);
    buf_init(&page->texts, PAGE_SIZE_MAX);
    return page;
}

void metric_page_free(MetricPage *page)
{
    if (!page) {
        return;
    }
    arena_done(&page->names);
    strmap_done(&page->by_name);
    vec_done(&page->families);
    vec_done(&page->samples);
    vec_done(&page->sorted);
    vec_done(&page->order);
    buf_done(&page->texts);
    mem_free(page);
}

void metric_page_clear(MetricPage *page)
{
    arena_clear(&page->names);
    strmap_clear(&page->by_name);
    page->families.count = 0;
    page->samples.count = 0;
    buf_clear(&page->texts);
    page->full = false;
}

MetricFamily metric_page_family(MetricPage *page, Str name, PageType type, Str help)
{
    const u64 *known = strmap_find(&page->by_name, name);
    if (known) {
        return (MetricFamily)*known;
    }
    Family family = {.type = type};
    if (!arena_str(&page->names, name, &family.name, NULL) ||
        !arena_str(&page->names, help, &family.help, NULL)) {
        page->full = true;
        family.name = STR_EMPTY;
        family.help = STR_EMPTY;
    }
    MetricFamily index = (MetricFamily)page->families.count;
    *vec_push(&page->families) = family;
    *strmap_put(&page->by_name, family.name, NULL) = index;
    return index;
}

/* Appends the sample whose text starts at `from`. */
static void add_sample(MetricPage *page, MetricFamily family_index, size_t from, f64 value)
{
    if (page->texts.overflowed) {
        return;
    }
    Family *family = &page->families.at[family_index];
    *vec_push(&page->samples) = (Sample){
        .text = (u32)from,
        .text_len = (u32)(page->texts.len - from),
        .value = value,
    };
    u32 number = (u32)page->samples.count;
    if (family->last) {
        page->samples.at[family->last - 1].next = number;
    } else {
        family->first = number;
    }
    family->last = number;
    family->count++;
}

static void put_escaped(Buf *out, Str value)
{
    size_t plain = 0;
    for (size_t i = 0; i < value.len; i++) {
        const char *escape = NULL;
        switch (value.ptr[i]) {
        case '\\':
            escape = "\\\\";
            break;
        case '"':
            escape = "\\\"";
            break;
        case '\n':
            escape = "\\n";
            break;
        default:
            continue;
        }
        buf_put(out, value.ptr + plain, i - plain);
        buf_put(out, escape, 2);
        plain = i + 1;
    }
    buf_put(out, value.ptr + plain, value.len - plain);
}

static bool needs_escape(Str value)
{
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] == '\\' || value.ptr[i] == '"' || value.ptr[i] == '\n') {
            return true;
        }
    }
    return false;
}

static char *copy_to(char *to, Str s)
{
    return s.len > 0 ? mempcpy(to, s.ptr, s.len) : to;
}

/* The common case at once: nothing to escape and room for all of it. False: nothing was put. */
static bool put_plain(Buf *out, Str name, const PageLabel *const *labels, size_t count)
{
    size_t size = name.len + 1;
    size_t name_lens[PAGE_LABELS_MAX];
    for (size_t i = 0; i < count; i++) {
        name_lens[i] = strlen(labels[i]->name);
        size += name_lens[i] + labels[i]->value.len + 4; /* a comma, the sign, two quotes */
        if (needs_escape(labels[i]->value)) {
            return false;
        }
    }
    char *begin = (char *)buf_reserve(out, size);
    if (!begin) {
        return false;
    }
    char *to = copy_to(begin, name);
    for (size_t i = 0; i < count; i++) {
        *to++ = i == 0 ? '{' : ',';
        to = mempcpy(to, labels[i]->name, name_lens[i]);
        *to++ = '=';
        *to++ = '"';
        to = copy_to(to, labels[i]->value);
        *to++ = '"';
    }
    if (count > 0) {
        *to++ = '}';
    }
    buf_advance(out, (size_t)(to - begin));
    return true;
}

void metric_page_put(MetricPage *page, MetricFamily family, const PageLabel *labels, size_t count,
                     f64 value)
{
    metric_page_put_named(page, family, page->families.at[family].name, labels, count, value);
}

void metric_page_put_named(MetricPage *page, MetricFamily family, Str name, const PageLabel *labels,
                           size_t count, f64 value)
{
    ASSERT(count <= PAGE_LABELS_MAX);
    const PageLabel *sorted[PAGE_LABELS_MAX];
    for (size_t i = 0; i < count; i++) {
        size_t at = i;
        for (; at > 0 && strcmp(sorted[at - 1]->name, labels[i].name) > 0; at--) {
            sorted[at] = sorted[at - 1];
        }
        sorted[at] = &labels[i];
    }
    size_t from = page->texts.len;
    if (put_plain(&page->texts, name, sorted, count)) {
        add_sample(page, family, from, value);
        return;
    }
    buf_str(&page->texts, name);
    for (size_t i = 0; i < count; i++) {
        buf_byte(&page->texts, i == 0 ? '{' : ',');
        buf_str(&page->texts, str_from(sorted[i]->name));
        buf_lit(&page->texts, "=\"");
        put_escaped(&page->texts, sorted[i]->value);
        buf_byte(&page->texts, '"');
    }
    if (count > 0) {
        buf_byte(&page->texts, '}');
    }
    add_sample(page, family, from, value);
}

void metric_page_single(MetricPage *page, const char *name, PageType type, const char *help,
                        f64 value)
{
    metric_page_put(page, metric_page_family(page, str_from(name), type, str_from(help)), NULL, 0,
                    value);
}

static int by_name(const void *a, const void *b)
{
    return str_cmp((*(const Family *const *)a)->name, (*(const Family *const *)b)->name);
}

/* A closing quote ends a label value, so it sorts before every byte that a longer value could have.
 */
static int rank(u8 byte)
{
    return byte == '"' ? -1 : byte;
}

static int by_text(const void *a, const void *b, void *texts)
{
    const Sample *left = *(const Sample *const *)a;
    const Sample *right = *(const Sample *const *)b;
    const u8 *left_text = (const u8 *)texts + left->text;
    const u8 *right_text = (const u8 *)texts + right->text;
    u32 common = MIN(left->text_len, right->text_len);
    for (u32 i = 0; i < common; i++) {
        if (left_text[i] != right_text[i]) {
            return rank(left_text[i]) - rank(right_text[i]);
        }
    }
    return (left->text_len > right->text_len) - (left->text_len < right->text_len);
}

static void sort_samples(MetricPage *page, const Family *family)
{
    page->sorted.count = 0;
    bool in_order = true;
    bool as_put = family->type == PAGE_SUMMARY || family->type == PAGE_HISTOGRAM;
    for (u32 number = family->first; number; number = page->samples.at[number - 1].next) {
        const Sample *sample = &page->samples.at[number - 1];
        in_order = in_order &&
                   (page->sorted.count == 0 || by_text(&page->sorted.at[page->sorted.count - 1],
                                                       &sample, page->texts.data) <= 0);
        *vec_push(&page->sorted) = sample;
    }
    if (!in_order && !as_put) {
        qsort_r(page->sorted.at, page->sorted.count, sizeof(*page->sorted.at), by_text,
                page->texts.data);
    }
}

static void put_help(Buf *out, Str help)
{
    if (str_find_byte(help, '\\') == STR_NOT_FOUND && str_find_byte(help, '\n') == STR_NOT_FOUND) {
        buf_str(out, help);
        return;
    }
    for (size_t i = 0; i < help.len; i++) {
        switch (help.ptr[i]) {
        case '\\':
            buf_lit(out, "\\\\");
            break;
        case '\n':
            buf_lit(out, "\\n");
            break;
        default:
            buf_byte(out, (u8)help.ptr[i]);
        }
    }
}

static const char *type_name(PageType type, PageFormat format)
{
    switch (type) {
    case PAGE_COUNTER:
        return "counter";
    case PAGE_GAUGE:
        return "gauge";
    case PAGE_SUMMARY:
        return "summary";
    case PAGE_HISTOGRAM:
        return "histogram";
    case PAGE_UNTYPED:
        break;
    }
    return format == PAGE_OPENMETRICS ? "unknown" : "untyped";
}

/* In OpenMetrics a counter's family has no "_total". */
static Str family_name(const Family *family, PageFormat format)
{
    Str name = family->name;
    if (format == PAGE_OPENMETRICS && family->type == PAGE_COUNTER &&
        str_ends_with(name, S("_total"))) {
        name.len -= S("_total").len;
    }
    return name;
}

static void write_family(MetricPage *page, const Family *family, PageFormat format, Buf *out)
{
    Str name = family_name(family, format);
    buf_lit(out, "# HELP ");
    buf_str(out, name);
    buf_byte(out, ' ');
    put_help(out, family->help);
    buf_lit(out, "\n# TYPE ");
    buf_str(out, name);
    buf_byte(out, ' ');
    buf_str(out, str_from(type_name(family->type, format)));
    buf_byte(out, '\n');
    sort_samples(page, family);
    for (size_t i = 0; i < page->sorted.count; i++) {
        const Sample *sample = page->sorted.at[i];
        char *begin = (char *)buf_reserve(out, sample->text_len + F64_TEXT_MAX + 2);
        if (!begin) {
            return;
        }
        char *to = mempcpy(begin, page->texts.data + sample->text, sample->text_len);
        *to++ = ' ';
        to += f64_format_g(to, sample->value);
        *to++ = '\n';
        buf_advance(out, (size_t)(to - begin));
    }
}

bool metric_page_write(MetricPage *page, PageFormat format, Buf *out, Err *err)
{
    page->order.count = 0;
    for (size_t i = 0; i < page->families.count; i++) {
        if (page->families.at[i].count > 0) {
            *vec_push(&page->order) = &page->families.at[i];
        }
    }
    if (page->order.count > 0) {
        qsort(page->order.at, page->order.count, sizeof(*page->order.at), by_name);
    }
    for (size_t i = 0; i < page->order.count; i++) {
        write_family(page, page->order.at[i], format, out);
    }
    if (format == PAGE_OPENMETRICS) {
        buf_lit(out, "# EOF\n");
    }
    if (page->full) {
        return arena_full(&page->names, err);
    }
    return buf_ok(&page->texts, err) && buf_ok(out, err);
}
