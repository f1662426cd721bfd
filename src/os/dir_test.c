/* Tests of os/dir.h. */
#include "os/dir.h"

#include "base/buf.h"
#include "base/test.h"
#include "os/file.h"
#include "os/test_dir.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static void touch(const TestDir *dir, const char *path)
{
    Err err;
    CHECK_OK(file_write_atomic(test_dir_path(dir, path), S(""), 0644, &err), &err);
}

TEST(dir, folders_are_made_with_their_parents_and_may_exist)
{
    TestDir dir;
    Err err;
    test_dir_make(&dir);
    CHECK_OK(dir_make(test_dir_path(&dir, "a/b/c"), 0755, &err), &err);
    CHECK_OK(dir_make(test_dir_path(&dir, "a/b/c"), 0755, &err), &err);
    CHECK_OK(dir_make(test_dir_path(&dir, "a//b/d/"), 0755, &err), &err);
    CHECK(path_is_dir(test_dir_path(&dir, "a/b/d")));
    CHECK_OK(dir_sync(test_dir_path(&dir, "a"), &err), &err);
    touch(&dir, "file");
    CHECK(!dir_make(test_dir_path(&dir, "file"), 0755, &err));
    CHECK_I64(err.sys_errno, ENOTDIR);
    CHECK(!dir_make(test_dir_path(&dir, "file/x"), 0755, &err));
    CHECK(!dir_sync(test_dir_path(&dir, "missing"), &err));
    CHECK_I64(err.sys_errno, ENOENT);
    char long_path[5000];
    memset(long_path, 'x', sizeof(long_path) - 1);
    long_path[sizeof(long_path) - 1] = '\0';
    CHECK(!dir_make(long_path, 0755, &err));
    CHECK_I64(err.sys_errno, ENAMETOOLONG);
    test_dir_remove(&dir);
}

TEST(dir, removing_takes_all_below_but_follows_no_link)
{
    TestDir dir;
    Err err;
    test_dir_make(&dir);
    CHECK_OK(dir_make(test_dir_path(&dir, "keep"), 0755, &err), &err);
    touch(&dir, "keep/file");
    CHECK_OK(dir_make(test_dir_path(&dir, "gone/a/b/c/d"), 0755, &err), &err);
    touch(&dir, "gone/a/file");
    CHECK(symlink("../keep", test_dir_path(&dir, "gone/link")) == 0);
    CHECK_OK(dir_remove_all(test_dir_path(&dir, "gone"), &err), &err);
    CHECK(!path_exists(test_dir_path(&dir, "gone")));
    CHECK(path_exists(test_dir_path(&dir, "keep/file")));
    CHECK_OK(dir_remove_all(test_dir_path(&dir, "gone"), &err), &err);
    test_dir_remove(&dir);
}

TEST(dir, names_are_listed_by_byte_order_with_hidden_ones)
{
    TestDir dir;
    Arena arena;
    Str *names;
    size_t count;
    Err err;
    test_dir_make(&dir);
    arena_init(&arena, MIB);
    CHECK_OK(dir_list(dir.path, &arena, &names, &count, &err), &err);
    CHECK_U64(count, 0);
    static const char *const made[] = {"b", "a", ".hidden", "B", "é", "a.x", "..."};
    static const Str sorted[] = {STR_INIT("..."), STR_INIT(".hidden"), STR_INIT("B"), STR_INIT("a"),
                                 STR_INIT("a.x"), STR_INIT("b"),       STR_INIT("é")};
    for (size_t i = 0; i < COUNT_OF(made); i++) {
        touch(&dir, made[i]);
    }
    CHECK_OK(dir_list(dir.path, &arena, &names, &count, &err), &err);
    CHECK_U64(count, COUNT_OF(sorted));
    for (size_t i = 0; i < count; i++) {
        CHECK_STR(names[i], sorted[i]);
    }
    CHECK(!dir_list(test_dir_path(&dir, "missing"), &arena, &names, &count, &err));
    CHECK_I64(err.code, ERR_NOT_FOUND);
    Arena tiny;
    arena_init(&tiny, 5);
    CHECK(!dir_list(dir.path, &tiny, &names, &count, &err));
    CHECK_I64(err.code, ERR_LIMIT);
    arena_done(&tiny);
    arena_done(&arena);
    test_dir_remove(&dir);
}

TEST(dir, one_name_matches_a_pattern_as_in_go)
{
    static const struct {
        Str pattern;
        Str name;
        bool match;
    } cases[] = {
        {STR_INIT(""), STR_INIT(""), true},
        {STR_INIT(""), STR_INIT("a"), false},
        {STR_INIT("abc"), STR_INIT("abc"), true},
        {STR_INIT("abc"), STR_INIT("ab"), false},
        {STR_INIT("*"), STR_INIT(""), true},
        {STR_INIT("*"), STR_INIT("abc"), true},
        {STR_INIT("*"), STR_INIT(".hidden"), true},
        {STR_INIT("*c"), STR_INIT("abc"), true},
        {STR_INIT("a*"), STR_INIT("a"), true},
        {STR_INIT("a*/b"), STR_INIT("a"), false},
        {STR_INIT("a*b*c*d*e*"), STR_INIT("axbxcxdxexxx"), true},
        {STR_INIT("a*b*c*d*e*f"), STR_INIT("axbxcxdxexxx"), false},
        {STR_INIT("a*b?c*x"), STR_INIT("abxbbxdbxebxczzx"), true},
        {STR_INIT("a*b?c*x"), STR_INIT("abxbbxdbxebxczzy"), false},
        {STR_INIT("?"), STR_INIT("é"), true},
        {STR_INIT("??"), STR_INIT("é"), false},
        {STR_INIT("?"), STR_INIT(""), false},
        {STR_INIT("ab[c]"), STR_INIT("abc"), true},
        {STR_INIT("ab[b-d]"), STR_INIT("abc"), true},
        {STR_INIT("ab[e-g]"), STR_INIT("abc"), false},
        {STR_INIT("ab[^c]"), STR_INIT("abc"), false},
        {STR_INIT("ab[^e-g]"), STR_INIT("abc"), true},
        {STR_INIT("[^e-g]"), STR_INIT("^"), true},
        {STR_INIT("[^e-g^]"), STR_INIT("^"), false},
        {STR_INIT("[!a]"), STR_INIT("!"), true},
        {STR_INIT("[a-zA-C1]"), STR_INIT("B"), true},
        {STR_INIT("[à-ü]"), STR_INIT("é"), true},
        {STR_INIT("a\\*b"), STR_INIT("a*b"), true},
        {STR_INIT("a\\*b"), STR_INIT("ab"), false},
        {STR_INIT("[\\]a]"), STR_INIT("]"), true},
        {STR_INIT("[\\-]"), STR_INIT("-"), true},
        {STR_INIT("[x\\-z]"), STR_INIT("y"), false},
        {STR_INIT("*x"), STR_INIT("xxx"), true},
        {STR_INIT("node*.prom"), STR_INIT("node.prom"), true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        bool match = !cases[i].match;
        Err err;
        CHECK_OK(path_match(cases[i].pattern, cases[i].name, &match, &err), &err);
        CHECK_I64(match, cases[i].match);
    }
}

TEST(dir, malformed_patterns_are_refused_even_where_nothing_would_match)
{
    static const Str bad[] = {STR_INIT("["),       STR_INIT("[]"),    STR_INIT("[]a]"),
                              STR_INIT("[-]"),     STR_INIT("[x-]"),  STR_INIT("[-x]"),
                              STR_INIT("[a-b-c]"), STR_INIT("[^"),    STR_INIT("[^bc"),
                              STR_INIT("a["),      STR_INIT("a\\"),   STR_INIT("[\\"),
                              STR_INIT("[a"),      STR_INIT("[\xff]")};
    Arena arena;
    arena_init(&arena, MIB);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        bool match = true;
        Str *found;
        size_t count;
        Err err;
        CHECK(!path_match(bad[i], S(""), &match, &err));
        CHECK_STR(str_from(err.message), S("syntax error in pattern"));
        CHECK(match);
        CHECK(!path_glob(bad[i].ptr, &arena, &found, &count, &err));
        CHECK_I64(err.code, ERR_INVALID);
    }
    arena_done(&arena);
}

/* The matches of `pattern` below the folder, without its path, joined by spaces. */
static void check_glob(const TestDir *dir, const char *pattern, Str want)
{
    Arena arena;
    Str *found;
    size_t count;
    Err err;
    Buf joined;
    arena_init(&arena, MIB);
    buf_init(&joined, MIB);
    CHECK_OK(path_glob(test_dir_path(dir, pattern), &arena, &found, &count, &err), &err);
    for (size_t i = 0; i < count; i++) {
        CHECK(str_skip_prefix(&found[i], str_from(dir->path)));
        CHECK_I64(found[i].ptr[found[i].len], 0);
        buf_str(&joined, i > 0 ? S(" ") : S(""));
        buf_str(&joined, str_skip(found[i], 1));
    }
    CHECK_STR(buf_view(&joined), want);
    buf_done(&joined);
    arena_done(&arena);
}

TEST(dir, globs_find_what_gos_glob_finds_in_its_order)
{
    static const char *const folders[] = {"a", "a-b", "c", ".h"};
    static const char *const files[] = {"a/x.yml", "a/y.yml",  "a/.z.yml", "a-b/x.yml",
                                        "c/other", ".h/x.yml", "top.yml",  "[odd]"};
    static const struct {
        const char *pattern;
        Str found;
    } cases[] = {
        {"*.yml", STR_INIT("top.yml")},
        {"*/*.yml", STR_INIT(".h/x.yml a/.z.yml a/x.yml a/y.yml a-b/x.yml")},
        {"a*/x.yml", STR_INIT("a/x.yml a-b/x.yml")},
        {"*/other", STR_INIT("c/other")},
        {"a/x.yml", STR_INIT("a/x.yml")},
        {"a/./x.yml", STR_INIT("a/x.yml")},
        {"a//[xy].yml", STR_INIT("a/x.yml a/y.yml")},
        {"[^a]/*", STR_INIT("c/other")},
        {"\\[odd\\]", STR_INIT("[odd]")},
        {"missing", STR_INIT("")},
        {"missing/*", STR_INIT("")},
        {"*/missing", STR_INIT("")},
        {"top.yml/*", STR_INIT("")},
        {"dangl*", STR_INIT("dangling")},
        {"dangling", STR_INIT("dangling")},
    };
    TestDir dir;
    Err err;
    test_dir_make(&dir);
    for (size_t i = 0; i < COUNT_OF(folders); i++) {
        CHECK_OK(dir_make(test_dir_path(&dir, folders[i]), 0755, &err), &err);
    }
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        touch(&dir, files[i]);
    }
    CHECK(symlink("nowhere", test_dir_path(&dir, "dangling")) == 0);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        check_glob(&dir, cases[i].pattern, cases[i].found);
    }
    test_dir_remove(&dir);
}

TEST(dir, globs_may_be_relative_or_empty)
{
    TestDir dir;
    Arena arena;
    Str *found;
    size_t count;
    Err err;
    char before[4096];
    test_dir_make(&dir);
    arena_init(&arena, MIB);
    touch(&dir, "x.yml");
    CHECK(getcwd(before, sizeof(before)) != NULL);
    CHECK(chdir(dir.path) == 0);
    bool ok = path_glob("./*.yml", &arena, &found, &count, &err);
    CHECK(chdir(before) == 0);
    CHECK_OK(ok, &err);
    CHECK_U64(count, 1);
    CHECK_STR(found[0], S("x.yml"));
    CHECK_OK(path_glob("", &arena, &found, &count, &err), &err);
    CHECK_U64(count, 0);
    CHECK_OK(path_glob("/", &arena, &found, &count, &err), &err);
    CHECK_U64(count, 1);
    CHECK_STR(found[0], S("/"));
    Arena tiny;
    arena_init(&tiny, 4);
    CHECK(!path_glob("/*", &tiny, &found, &count, &err));
    CHECK_I64(err.code, ERR_LIMIT);
    arena_done(&tiny);
    arena_done(&arena);
    test_dir_remove(&dir);
}
