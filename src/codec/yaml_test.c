/* YAML: tests. Layer: codec. */
#include "codec/yaml.h"

#include "base/buf.h"
#include "base/random.h"
#include "base/test.h"
#include "codec/yaml_write.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static YamlNode *parse(Arena *arena, const char *text)
{
    YamlNode *node = NULL;
    Err err;
    arena_init(arena, 64 * MIB);
    CHECK_OK(yaml_parse(str_from(text), arena, &node, &err), &err);
    return node;
}

TEST(yaml, every_value_knows_its_place)
{
    Arena arena;
    YamlNode *root = parse(&arena, "# comment\nglobal:\n  name: x\nlist:\n- a\n- {b: 'c'}\n");
    CHECK(root->kind == YAML_MAPPING);
    CHECK_U64(root->count, 2);
    YamlNode *name = yaml_find(yaml_find(root, S("global")), S("name"));
    CHECK_STR(name->scalar, S("x"));
    CHECK_U64(name->line, 3);
    CHECK_U64(name->column, 9);
    YamlNode *list = yaml_find(root, S("list"));
    CHECK(list->kind == YAML_LIST);
    CHECK_U64(list->items[1]->line, 6);
    CHECK_U64(list->items[1]->column, 3);
    YamlNode *quoted = yaml_find(list->items[1], S("b"));
    CHECK(quoted->quoted);
    CHECK_U64(quoted->column, 7);
    CHECK(!yaml_find(root, S("absent")));
    CHECK(!yaml_find(name, S("absent")));
    CHECK(!yaml_find(NULL, S("absent")));
    arena_done(&arena);
}

TEST(yaml, scalars_have_the_types_of_yaml_1_1)
{
    static const struct {
        const char *text;
        const char *tag;
    } cases[] = {
        {"", "!!null"},
        {"~", "!!null"},
        {"null", "!!null"},
        {"Null", "!!null"},
        {"'null'", "!!str"},
        {"nULL", "!!str"},
        {"true", "!!bool"},
        {"yes", "!!bool"},
        {"Off", "!!bool"},
        {"y", "!!bool"},
        {"yEs", "!!str"},
        {"\"true\"", "!!str"},
        {"0", "!!int"},
        {"-12", "!!int"},
        {"+1", "!!int"},
        {"1_000", "!!int"},
        {"0x1F", "!!int"},
        {"0b101", "!!int"},
        {"0o17", "!!int"},
        {"017", "!!int"},
        {"09", "!!float"},
        {"1.5", "!!float"},
        {"1e3", "!!float"},
        {".5", "!!float"},
        {"-.inf", "!!float"},
        {".NaN", "!!float"},
        {"1.", "!!float"},
        {"inf", "!!str"},
        {"nan", "!!str"},
        {"1.2.3", "!!str"},
        {"15s", "!!str"},
        {"0x", "!!str"},
        {"-", "!!seq"},
        {"1 2", "!!str"},
        {"_1", "!!str"},
        {"localhost:9090", "!!str"},
        {"!!str 12", "!!str"},
        {"! 12", "!!str"},
        {"!!int '12'", "!!int"},
        {"[]", "!!seq"},
        {"{}", "!!map"},
        {"|\n  12\n", "!!str"},
        {"18446744073709551616", "!!float"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        Arena arena;
        YamlNode *node = parse(&arena, cases[i].text);
        if (strcmp(yaml_tag(node), cases[i].tag) != 0) {
            (void)printf("for: %s\n", cases[i].text);
        }
        CHECK_STR(str_from(yaml_tag(node)), str_from(cases[i].tag));
        arena_done(&arena);
    }
}

TEST(yaml, wrong_syntax_is_an_error_with_its_line)
{
    static const struct {
        const char *text;
        const char *error;
        u32 line;
    } cases[] = {
        {"a: 1\nb: 2\nc: d: e\n", "yaml: line 3: mapping values are not allowed in this context",
         3},
        {"a: 1\n b: 2\n", "yaml: line 2: mapping values are not allowed in this context", 2},
        {"a:\n\t- b\n", "yaml: line 2: found character that cannot start any token", 2},
        {"a: [1, 2\nb: 3\n", "yaml: line 2: did not find expected ',' or ']'", 2},
        {"a: 'x\n", "yaml: line 2: found unexpected end of stream", 2},
        {"a: {b: c\n", "yaml: line 2: did not find expected ',' or '}'", 2},
        {"- a\nb: c\n", "yaml: line 2: did not find expected '-' indicator", 2},
        {"a: 1\n- b\n", "yaml: line 2: did not find expected key", 2},
        {"a: *x\n", "yaml: line 1: unknown anchor 'x' referenced", 1},
        {"a: &x [1, *x]\n", "yaml: line 1: anchor 'x' value contains itself", 1},
        {"a: &x\n  <<: *x\n", "yaml: line 2: anchor 'x' value contains itself", 2},
        {"a: !!binary 'x'\n", "yaml: line 1: !!binary value contains invalid base64 data", 1},
        {"a: 1\n<<: 3\n", "yaml: line 2: map merge requires map or sequence of maps as the value",
         2},
        {"<<: [{a: 1}, 2]\n",
         "yaml: line 1: map merge requires map or sequence of maps as the value", 1},
        {"a: \"\\q\"\n", "yaml: line 1: found unknown escape character", 1},
        {"a: @b\n", "yaml: line 1: found character that cannot start any token", 1},
        {"a: \x01\n", "yaml: line 1: control characters are not allowed", 1},
        {"a: \xFF\n", "yaml: line 1: invalid leading UTF-8 octet", 1},
        {"%YAML 3.0\n---\na", "yaml: line 1: found incompatible YAML document", 1},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        Arena arena;
        YamlNode *node = NULL;
        Err err = {0};
        arena_init(&arena, MIB);
        CHECK(!yaml_parse(str_from(cases[i].text), &arena, &node, &err));
        CHECK(!node);
        CHECK_STR(str_from(err.message), str_from(cases[i].error));
        CHECK_U64(err.line, cases[i].line);
        arena_done(&arena);
    }
}

TEST(yaml, depth_aliases_and_memory_are_bounded)
{
    Arena arena;
    YamlNode *node = NULL;
    Err err = {0};
    Buf text;
    buf_init(&text, MIB);
    for (int i = 0; i < 1000; i++) {
        buf_byte(&text, '[');
    }
    arena_init(&arena, 64 * MIB);
    CHECK(!yaml_parse(buf_view(&text), &arena, &node, &err));
    CHECK_I64(err.code, ERR_LIMIT);
    CHECK(strstr(err.message, "nested deeper than 100 levels"));

    buf_clear(&text); /* each line holds the one before it ten times */
    buf_lit(&text, "a0: &a0 [x, x]\n");
    for (int i = 1; i < 12; i++) {
        buf_printf(&text, "a%d: &a%d [", i, i);
        for (int k = 0; k < 10; k++) {
            buf_printf(&text, "%s*a%d", k ? "," : "", i - 1);
        }
        buf_lit(&text, "]\n");
    }
    CHECK(!yaml_parse(buf_view(&text), &arena, &node, &err));
    CHECK_I64(err.code, ERR_LIMIT);
    CHECK(strstr(err.message, "excessive aliasing"));

    buf_clear(&text); /* deep by aliases alone */
    buf_lit(&text, "a0: &a0 [x]\n");
    for (int i = 1; i < 200; i++) {
        buf_printf(&text, "a%d: &a%d [*a%d]\n", i, i, i - 1);
    }
    CHECK(!yaml_parse(buf_view(&text), &arena, &node, &err));
    CHECK(strstr(err.message, "nested deeper than 100 levels"));
    arena_done(&arena);

    arena_init(&arena, 8 * KIB);
    buf_clear(&text);
    for (int i = 0; i < 5000; i++) {
        buf_printf(&text, "- item %d\n", i);
    }
    CHECK(!yaml_parse(buf_view(&text), &arena, &node, &err));
    CHECK_I64(err.code, ERR_LIMIT);
    arena_done(&arena);
    buf_done(&text);
}

TEST(yaml, binary_scalars_are_decoded)
{
    Arena arena;
    YamlNode *root = parse(&arena, "a: !!binary |\n  /w\n  ==\nb: !!binary ''\n");
    CHECK_STR(yaml_find(root, S("a"))->scalar, S("\xFF"));
    CHECK_STR(yaml_find(root, S("b"))->scalar, S(""));
    CHECK(yaml_find(root, S("b"))->quoted);
    arena_done(&arena);
}

TEST(yaml, aliases_and_merge_keys_are_resolved)
{
    Arena arena;
    YamlNode *root = parse(&arena, "base: &base {a: 1, b: 2}\n"
                                   "more: &more {b: 3, c: 4}\n"
                                   "copy: *base\n"
                                   "merged:\n"
                                   "  <<: [*base, *more]\n"
                                   "  a: own\n"
                                   "text:\n"
                                   "  '<<': plain\n");
    YamlNode *merged = yaml_find(root, S("merged"));
    CHECK_U64(merged->count, 3);
    CHECK_STR(yaml_find(merged, S("a"))->scalar, S("own"));
    CHECK_STR(yaml_find(merged, S("b"))->scalar, S("2"));
    CHECK_STR(yaml_find(merged, S("c"))->scalar, S("4"));
    CHECK(!merged->duplicate);
    CHECK_STR(yaml_find(yaml_find(root, S("copy")), S("b"))->scalar, S("2"));
    CHECK_STR(yaml_find(yaml_find(root, S("text")), S("<<"))->scalar, S("plain"));
    arena_done(&arena);
}

typedef struct Plain {
    Str name;
    bool on;
    i64 count;
    u64 limit;
    f64 ratio;
    i64 wait_ms;
    u64 size_bytes;
    Str *words;
    size_t word_count;
} Plain;

static bool read_plain(const char *text, Arena *arena, Plain *ret, Err *err)
{
    YamlNode *root;
    YamlMap map;
    return yaml_parse(str_from(text), arena, &root, err) &&
           yaml_map(root, "config.plain", arena, &map, err) &&
           yaml_get_str(&map, "name", &ret->name, err) &&
           yaml_get_bool(&map, "on", &ret->on, err) &&
           yaml_get_i64(&map, "count", &ret->count, err) &&
           yaml_get_u64(&map, "limit", &ret->limit, err) &&
           yaml_get_f64(&map, "ratio", &ret->ratio, err) &&
           yaml_get_duration(&map, "wait", &ret->wait_ms, err) &&
           yaml_get_size(&map, "size", &ret->size_bytes, err) &&
           yaml_get_str_list(&map, "words", arena, &ret->words, &ret->word_count, err) &&
           yaml_map_finish(&map, err);
}

TEST(yaml, values_are_read_as_go_reads_them)
{
    Arena arena;
    Err err;
    Plain plain = {.name = S("default"), .count = 7};
    arena_init(&arena, MIB);
    CHECK_OK(read_plain("", &arena, &plain, &err), &err);
    CHECK_STR(plain.name, S("default"));
    CHECK_OK(read_plain("{}", &arena, &plain, &err), &err);
    CHECK_I64(plain.count, 7);

    CHECK_OK(read_plain("name: 12\non: yes\ncount: -0x10\nlimit: 1_000\nratio: 3\n"
                        "wait: 1m30s\nsize: 2KB\nwords: [a, 5, true]\n",
                        &arena, &plain, &err),
             &err);
    CHECK_STR(plain.name, S("12"));
    CHECK(plain.on);
    CHECK_I64(plain.count, -16);
    CHECK_U64(plain.limit, 1000);
    CHECK_F64(plain.ratio, 3.0);
    CHECK_I64(plain.wait_ms, 90000);
    CHECK_U64(plain.size_bytes, 2048);
    CHECK_U64(plain.word_count, 3);
    CHECK_STR(plain.words[2], S("true"));

    CHECK_OK(read_plain("name:\non: ~\ncount: null\nlimit:\nratio:\nwait:\nsize:\nwords:\n", &arena,
                        &plain, &err),
             &err);
    CHECK_STR(plain.name, S(""));
    CHECK(!plain.on);
    CHECK_I64(plain.count, 0);
    CHECK_I64(plain.wait_ms, 0);
    CHECK_U64(plain.word_count, 0);

    CHECK_OK(read_plain("count: 9223372036854775807\nlimit: 18446744073709551615\nratio: -.inf\n",
                        &arena, &plain, &err),
             &err);
    CHECK_I64(plain.count, INT64_MAX);
    CHECK_U64(plain.limit, UINT64_MAX);
    CHECK(isinf(plain.ratio) && plain.ratio < 0);
    CHECK_OK(read_plain("count: -9223372036854775808\n", &arena, &plain, &err), &err);
    CHECK_I64(plain.count, INT64_MIN);
    arena_done(&arena);
}

TEST(yaml, wrong_values_and_keys_are_named_with_their_line)
{
#define UNMARSHAL "yaml: unmarshal errors:\n  "
    static const struct {
        const char *text;
        const char *error;
        u32 line;
    } cases[] = {
        {"name: x\nnotexist: 1\n",
         UNMARSHAL "line 2: field notexist not found in type config.plain", 2},
        {"z: 1\nname: x\ny: 2\n",
         UNMARSHAL "line 1: field z not found in type config.plain\n"
                   "  line 3: field y not found in type config.plain",
         1},
        {"name: a\nname: b\n", UNMARSHAL "line 2: field name already set in type config.plain", 2},
        {"abc", UNMARSHAL "line 1: cannot unmarshal !!str `abc` into config.plain", 1},
        {"[1]", UNMARSHAL "line 1: cannot unmarshal !!seq into config.plain", 1},
        {"name: [a]\n", UNMARSHAL "line 1: cannot unmarshal !!seq into string", 1},
        {"on: 1\n", UNMARSHAL "line 1: cannot unmarshal !!int `1` into bool", 1},
        {"on: 'true'\n", UNMARSHAL "line 1: cannot unmarshal !!str `true` into bool", 1},
        {"\ncount: abc\n", UNMARSHAL "line 2: cannot unmarshal !!str `abc` into int", 2},
        {"count: averylongvalue\n",
         UNMARSHAL "line 1: cannot unmarshal !!str `averylo...` into int", 1},
        {"count: 9223372036854775808\n",
         UNMARSHAL "line 1: cannot unmarshal !!int `9223372...` into int", 1},
        {"count: {a: b}\n", UNMARSHAL "line 1: cannot unmarshal !!map into int", 1},
        {"limit: -1\n", UNMARSHAL "line 1: cannot unmarshal !!int `-1` into uint", 1},
        {"limit: '5'\n", UNMARSHAL "line 1: cannot unmarshal !!str `5` into uint", 1},
        {"ratio: x\n", UNMARSHAL "line 1: cannot unmarshal !!str `x` into float64", 1},
        {"wait: 5\n", "not a valid duration string: \"5\"", 1},
        {"\n\nwait: 5x\n", "unknown unit \"x\" in duration \"5x\"", 3},
        {"size: 100\n", "units: unknown unit  in 100", 1},
        {"words: abc\n", UNMARSHAL "line 1: cannot unmarshal !!str `abc` into []string", 1},
        {"words:\n- [x]\n", UNMARSHAL "line 2: cannot unmarshal !!seq into string", 2},
    };
#undef UNMARSHAL
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        Arena arena;
        Err err = {0};
        Plain plain = {0};
        arena_init(&arena, MIB);
        CHECK(!read_plain(cases[i].text, &arena, &plain, &err));
        CHECK_STR(str_from(err.message), str_from(cases[i].error));
        CHECK_U64(err.line, cases[i].line);
        CHECK(err.column > 0);
        arena_done(&arena);
    }
}

TEST(yaml, duplicates_are_found_in_small_and_large_mappings)
{
    Buf text;
    buf_init(&text, MIB);
    for (int size = 1; size < 200; size += 13) {
        for (int twice = 0; twice < 2; twice++) {
            buf_clear(&text);
            for (int i = 0; i < size; i++) {
                buf_printf(&text, "key%d: x\n", i);
            }
            buf_str(&text, twice ? S("key0: y\n") : STR_EMPTY);
            Arena arena;
            Err err;
            YamlNode *root;
            arena_init(&arena, MIB);
            CHECK_OK(yaml_parse(buf_view(&text), &arena, &root, &err), &err);
            CHECK(yaml_mapping(root, "map", &err) == !twice);
            CHECK(!twice || strstr(err.message, "key \"key0\" already set in map"));
            CHECK(!twice || err.line == (u32)size + 1);
            arena_done(&arena);
        }
    }
    buf_done(&text);
}

static void check_written(const char *text, const char *want)
{
    Arena arena;
    Err err;
    YamlNode *root = parse(&arena, text);
    Buf out;
    buf_init(&out, MIB);
    YamlWriter *writer = yaml_writer_new(&out);
    yaml_put_node(writer, root);
    CHECK_OK(yaml_writer_free(writer, &err), &err);
    CHECK_STR(buf_view(&out), str_from(want));
    buf_done(&out);
    arena_done(&arena);
}

TEST(yaml, is_written_as_go_writes_it)
{
    check_written("{global: {scrape_interval: 15s, external_labels: {}}, rule_files: [],"
                  " scrape_configs: [{job_name: a, targets: ['h:1', \"2\", 'true']}]}",
                  "global:\n"
                  "  scrape_interval: 15s\n"
                  "  external_labels: {}\n"
                  "rule_files: []\n"
                  "scrape_configs:\n"
                  "- job_name: a\n"
                  "  targets:\n"
                  "  - h:1\n"
                  "  - \"2\"\n"
                  "  - \"true\"\n");
    check_written("a: 'x: y'\nb: \"l1\\nl2\\n\"\nc: ''\nd: '*x'\ne: \"\\t\"\nf: ~\n", "a: 'x: y'\n"
                                                                                      "b: |\n"
                                                                                      "  l1\n"
                                                                                      "  l2\n"
                                                                                      "c: \"\"\n"
                                                                                      "d: '*x'\n"
                                                                                      "e: \"\\t\"\n"
                                                                                      "f: null\n");
}

TEST(yaml, a_writer_reports_what_went_wrong)
{
    Buf out;
    Err err;
    buf_init(&out, 8);
    YamlWriter *writer = yaml_writer_new(&out);
    yaml_put_text(writer, S("longer than eight bytes"));
    CHECK(!yaml_writer_free(writer, &err));
    CHECK_I64(err.code, ERR_LIMIT);
    buf_done(&out);

    buf_init(&out, KIB);
    writer = yaml_writer_new(&out);
    yaml_put_begin(writer, YAML_MAPPING);
    CHECK(!yaml_writer_free(writer, &err));
    CHECK_I64(err.code, ERR_INTERNAL);
    buf_done(&out);

    writer = yaml_writer_new(&out);
    yaml_put_end(writer);
    CHECK(!yaml_writer_free(writer, &err));
    writer = yaml_writer_new(&out);
    yaml_put_text(writer, S("\xFF"));
    CHECK(!yaml_writer_free(writer, &err));
    buf_done(&out);
}
