/* Opts: --help and the docs page of opts.h. Layer: base. Memory: the caller's Buf. Thread: any. */
#include "base/opts.h"
#include "base/quote.h"
#include "base/vec.h"

#include <stdio.h>
#include <string.h>

enum {
    HELP_WIDTH = 80,      /* columns */
    HELP_INDENT = 2,      /* before the flag */
    HELP_GAP = 2,         /* between the columns */
    HELP_COLUMN_MAX = 30, /* a flag from here on has its text on the next line */
    FLAG_TEXT_MAX = 4096, /* bytes of one flag with its value */
};

static const char help_help[] =
    "Show context-sensitive help (also try --help-long and --help-man).";
static const char version_help[] = "Show application version.";

static bool is_bool(const OptSpec *spec)
{
    return spec->kind == OPT_BOOL || spec->kind == OPT_IGNORED_BOOL;
}

/* What stands behind "=": the placeholder, else the default, else the name in capitals. */
static void put_placeholder(Buf *out, const OptSpec *spec)
{
    if (spec->placeholder) {
        buf_str(out, str_from(spec->placeholder));
    } else if (spec->initial && spec->kind == OPT_STR) {
        quote_go(out, str_from(spec->initial));
    } else if (spec->initial) {
        buf_str(out, str_from(spec->initial));
    } else {
        for (const char *at = spec->name; *at; at++) {
            buf_byte(out, (u8)(*at >= 'a' && *at <= 'z' ? *at - 'a' + 'A' : *at));
        }
    }
}

/* "--[no-]web.enable-lifecycle", "--web.read-timeout=5m", "--match=MATCH ..." */
static void put_long_form(Buf *out, const OptSpec *spec)
{
    if (is_bool(spec)) {
        buf_printf(out, "--[no-]%s", spec->name);
        return;
    }
    buf_printf(out, "--%s=", spec->name);
    put_placeholder(out, spec);
    if (spec->kind == OPT_LIST) {
        buf_lit(out, " ...");
    }
}

static void put_form(Buf *out, const OptSpec *spec)
{
    if (spec->letter) {
        buf_printf(out, "-%c, ", spec->letter);
    } else {
        buf_lit(out, "    ");
    }
    put_long_form(out, spec);
}

/* Takes the words of *rest that fit into `width`; at least one. */
static Str take_line(Str *rest, size_t width)
{
    *rest = str_trim(*rest);
    size_t end = rest->len;
    if (end > width) {
        size_t space = str_find_last_byte(str_take(*rest, width + 1), ' ');
        if (space == STR_NOT_FOUND) {
            space = str_find_byte(*rest, ' ');
        }
        end = space == STR_NOT_FOUND ? rest->len : space;
    }
    Str line = str_take(*rest, end);
    *rest = str_skip(*rest, end);
    return str_trim(line);
}

static void put_spaces(Buf *out, size_t count)
{
    buf_printf(out, "%*s", (int)count, "");
}

static void put_row(Buf *out, Str form, Str text, size_t column)
{
    size_t indent = HELP_INDENT + column + HELP_GAP;
    put_spaces(out, HELP_INDENT);
    buf_str(out, form);
    put_spaces(out, (form.len < column ? column - form.len : 0) + HELP_GAP);
    if (form.len >= HELP_COLUMN_MAX) {
        buf_byte(out, '\n');
        put_spaces(out, indent);
    }
    for (bool first = true; first || text.len > 0; first = false) {
        if (!first) {
            put_spaces(out, indent);
        }
        buf_str(out, take_line(&text, HELP_WIDTH - indent));
        buf_byte(out, '\n');
    }
}

/* The flags of --help in their order: help first, version last, no hidden ones. */
typedef VEC(const OptSpec *) SpecVec;

static const OptSpec help_flag = {
    .name = "help", .letter = 'h', .kind = OPT_BOOL, .help = help_help};
static const OptSpec version_flag = {.name = "version", .kind = OPT_BOOL, .help = version_help};

static SpecVec visible_flags(const OptTable *table)
{
    SpecVec flags = {0};
    *vec_push(&flags) = &help_flag;
    for (size_t i = 0; i < table->count; i++) {
        if (!table->specs[i].hidden) {
            *vec_push(&flags) = &table->specs[i];
        }
    }
    *vec_push(&flags) = &version_flag;
    return flags;
}

static void put_usage(const OptTable *table, Buf *out)
{
    buf_printf(out, "usage: %s", table->program);
    for (size_t i = 0; i < table->count; i++) {
        if (table->specs[i].required) {
            buf_byte(out, ' ');
            put_long_form(out, &table->specs[i]);
        }
    }
    buf_lit(out, " [<flags>]");
    if (table->arguments) {
        buf_printf(out, " %s", table->arguments);
    }
    buf_lit(out, "\n\n");
    Str summary = str_from(table->summary);
    while (summary.len > 0) {
        buf_str(out, take_line(&summary, HELP_WIDTH));
        buf_str(out, summary.len > 0 ? S("\n") : S("\n\n"));
    }
}

void opts_help(const OptTable *table, Buf *out)
{
    SpecVec flags = visible_flags(table);
    Buf form;
    buf_init(&form, FLAG_TEXT_MAX);
    size_t column = 0;
    for (size_t i = 0; i < flags.count; i++) {
        buf_clear(&form);
        put_form(&form, flags.at[i]);
        column = form.len < HELP_COLUMN_MAX ? MAX(column, form.len) : column;
    }
    put_usage(table, out);
    buf_lit(out, "Flags:\n");
    for (size_t i = 0; i < flags.count; i++) {
        buf_clear(&form);
        put_form(&form, flags.at[i]);
        put_row(out, buf_view(&form), str_from(flags.at[i]->help), column);
    }
    buf_byte(out, '\n');
    buf_done(&form);
    vec_done(&flags);
}

/* A table cell: "|" would end it. */
static void put_cell(Buf *out, Str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '|') {
            buf_byte(out, '\\');
        }
        buf_byte(out, (u8)(text.ptr[i] == '\n' ? ' ' : text.ptr[i]));
    }
}

static void put_docs_row(Buf *out, const OptSpec *spec)
{
    buf_lit(out, "| `");
    if (spec->letter) {
        buf_printf(out, "-%c`, `", spec->letter);
    }
    buf_printf(out, is_bool(spec) ? "--[no-]%s" : "--%s", spec->name);
    buf_lit(out, "` | ");
    if (spec->initial && *spec->initial) {
        buf_byte(out, '`');
        put_cell(out, str_from(spec->initial));
        buf_byte(out, '`');
    }
    buf_lit(out, " | ");
    put_cell(out, str_from(spec->help));
    if (spec->required) {
        buf_lit(out, " Required.");
    }
    if (spec->kind == OPT_LIST) {
        buf_lit(out, " May be repeated.");
    }
    buf_lit(out, " |\n");
}

void opts_docs(const OptTable *table, Buf *out)
{
    SpecVec flags = visible_flags(table);
    buf_lit(out, "| Flag | Default | Meaning |\n| --- | --- | --- |\n");
    for (size_t i = 0; i < flags.count; i++) {
        put_docs_row(out, flags.at[i]);
    }
    vec_done(&flags);
}
