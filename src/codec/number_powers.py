#!/usr/bin/env python3
"""Writes number_powers.c: the table that number_powers.h declares, computed with exact integers."""
import sys

FIRST, LAST = -342, 324


def significand(power):
    """The top 128 bits of 5^power: cut for powers from 0 up, rounded up below 0."""
    if power >= 0:
        exact = 5**power
        shift = 128 - exact.bit_length()
        return exact << shift if shift >= 0 else exact >> -shift
    divisor = 5**-power
    return (1 << (divisor.bit_length() + 127)) // divisor + 1


def main(path):
    with open(path, "w", encoding="ascii") as out:
        out.write("/* Made by number_powers.py at build time. */\n")
        out.write('#include "codec/number_powers.h"\n\n')
        out.write("const PowerOfFive powers_of_five[POWER_LAST - POWER_FIRST + 1] = {\n")
        for power in range(FIRST, LAST + 1):
            bits = significand(power)
            assert bits >> 127 == 1
            out.write(f"    {{0x{bits >> 64:016x}, 0x{bits & (2**64 - 1):016x}}}, /* {power} */\n")
        out.write("};\n")


main(sys.argv[1])
