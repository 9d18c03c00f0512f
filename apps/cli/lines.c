// SPDX-License-Identifier: Apache-2.0
#include "lines.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

static bool is_readable(int fd)
{
    struct pollfd wanted = {.fd = fd, .events = POLLIN};
    return poll(&wanted, 1, 0) > 0; // an end or an error is read, too
}

// A line of len bytes, and what stands behind it in the buffer.
static lines_found take(lines *l, size_t len, char **line)
{
    char *begin = l->data + l->start;
    bool newline = len < l->len, bad = l->skipping || memchr(begin, '\0', len) != NULL;
    begin[len] = '\0';
    if (len > 0 && begin[len - 1] == '\r') { // a list from elsewhere
        begin[len - 1] = '\0';
    }
    l->start += len + newline;
    l->len -= len + newline;
    l->skipping = false;
    *line = begin;
    return bad ? LINES_BAD : LINES_LINE;
}

static bool fill(lines *l)
{
    memmove(l->data, l->data + l->start, l->len);
    l->start = 0;
    if (l->len == LINES_BYTES_MAX) {
        l->skipping = true;
        l->len = 0;
    }
    ssize_t got;
    do {
        got = read(l->fd, l->data + l->len, LINES_BYTES_MAX - l->len);
    } while (got < 0 && errno == EINTR);
    l->len += got > 0 ? (size_t)got : 0;
    l->ended = got == 0;
    return got >= 0;
}

lines_found lines_next(lines *l, bool wait, char **line)
{
    for (;;) {
        const char *begin = l->data + l->start, *end = memchr(begin, '\n', l->len);
        if (end != NULL) {
            return take(l, (size_t)(end - begin), line);
        }
        if (l->ended) {
            return l->len > 0 || l->skipping ? take(l, l->len, line) : LINES_END;
        }
        if (!wait && !is_readable(l->fd)) {
            return LINES_NONE;
        }
        if (!fill(l)) {
            return LINES_FAILED;
        }
    }
}
