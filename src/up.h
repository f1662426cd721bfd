/*
 * Up: `vigie up`, all roles in one process, with built-in defaults for every file that is missing.
 *
 * Layer: main. Memory: the arena keeps options until the process ends. Thread: main.
 */
#pragma once

#include "base/arena.h"
#include "role/role.h"

/* Runs the chosen roles until a signal; returns the exit status. */
int up_main(const Role *const *roles, size_t count, int argc, char **argv, Arena *arena);
