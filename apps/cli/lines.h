// SPDX-License-Identifier: Apache-2.0
// Lines of a pipe or terminal, for a reader that has something else to do while none is
// there.
#ifndef BH_CLI_LINES_H
#define BH_CLI_LINES_H

#include <stdbool.h>
#include <stddef.h>

#define LINES_BYTES_MAX 4096 // of a line, its newline included

typedef struct lines {
    int fd;
    bool ended;    // there is nothing behind what is held
    bool skipping; // what is held is the rest of a line that was too long
    size_t start, len;
    char data[LINES_BYTES_MAX + 1];
} lines;

typedef enum lines_found {
    LINES_LINE,
    LINES_BAD,    // too long, or with a NUL byte
    LINES_NONE,   // yet
    LINES_END,    // the last one need not end with a newline
    LINES_FAILED, // errno says why
} lines_found;

// The next line without its newline, valid until the next call. wait: rather than
// LINES_NONE.
lines_found lines_next(lines *l, bool wait, char **line);

#endif
