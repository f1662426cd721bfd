/*
 * A small machine for the exporter's tests: /proc, /sys, /etc, udev's database and text files of
 * our own making, below a temporary folder.
 *
 * Layer: role/node_exporter, tests only. Memory: node_fixture_open/close. Thread: main.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "os/test_dir.h"
#include "role/node_exporter/node.h"

typedef struct NodeFixture {
    TestDir dir;
    Arena arena; /* of the options */
    NodeOpts opts;
    Exporter *exporter;
    Buf page; /* of the last scrape */
} NodeFixture;

enum { FIXTURE_FLAGS_MAX = 8 };

/* The tree, and an exporter over it with these flags besides the paths; the list ends in NULL. */
void node_fixture_open(NodeFixture *fixture, const char *const *flags);
void node_fixture_close(NodeFixture *fixture);

/* Another exporter with other flags over the same tree. */
void node_fixture_reopen(NodeFixture *fixture, const char *const *flags);

/* Brings a file of the tree back as it was; one that was not there goes. */
void node_fixture_restore(const NodeFixture *fixture, const char *path);

/* Takes a file or folder out of the tree, and puts it back. One at a time. */
void node_fixture_hide(const NodeFixture *fixture, const char *path);
void node_fixture_show(const NodeFixture *fixture, const char *path);

/* Changes the tree; folders are made as needed. The old file is removed first, as the kernel does
 * when a device goes and another comes. */
void node_fixture_write(const NodeFixture *fixture, const char *path, Str content);
void node_fixture_remove(const NodeFixture *fixture, const char *path);

/* Scrapes one collector, or all when `collector` is NULL, which must work. */
Str node_fixture_scrape(NodeFixture *fixture, const char *collector);

/* The value of a series on the last page as it is printed; empty when it is not there. */
Str node_fixture_value(const NodeFixture *fixture, const char *series);
