// SPDX-License-Identifier: Apache-2.0
#include "ui.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli.h"

// A machine without any locale set (a container, say) still shows UTF-8; one that was
// set to something else is believed.
static bool locale_has_unicode(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && value[0] != '\0') {
            return strstr(value, "UTF-8") != NULL || strstr(value, "utf8") != NULL;
        }
    }
    return true;
}

static bool is_terminal(int fd)
{
    const char *term = getenv("TERM");
    return isatty(fd) == 1 && term != NULL && strcmp(term, "dumb") != 0;
}

ui ui_make(void)
{
    const char *no_color = getenv("NO_COLOR");
    struct winsize size;
    ui u = {
        .colour = is_terminal(1) && (no_color == NULL || no_color[0] == '\0'),
        .unicode = locale_has_unicode(),
        .progress = is_terminal(2),
        .width = 80,
    };
    if ((ioctl(1, TIOCGWINSZ, &size) == 0 || ioctl(2, TIOCGWINSZ, &size) == 0) &&
        size.ws_col > 0) {
        u.width = size.ws_col > UI_WIDTH_MIN ? size.ws_col : UI_WIDTH_MIN;
    }
    return u;
}

const char *ui_on(const ui *u, ui_style style)
{
    static const char *const escapes[] = {
        [UI_PLAIN] = "\033[0m",   [UI_BOLD] = "\033[1m",     [UI_DIM] = "\033[2m",
        [UI_GOOD] = "\033[1;32m", [UI_DOUBT] = "\033[1;33m", [UI_BAD] = "\033[1;31m",
    };
    return u->colour ? escapes[style] : "";
}

void ui_bar(const ui *u, char *text, double fraction, int cells)
{
    static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    fraction = fraction > 0 ? fraction < 1 ? fraction : 1 : 0;
    cells = cells < UI_BAR_CELLS_MAX ? cells : UI_BAR_CELLS_MAX;
    int units = (int)(fraction * cells * 8 + 0.5);
    int used = 0;
    text[0] = '\0';
    for (; used < units / 8; used++) {
        strcat(text, u->unicode ? "█" : "#");
    }
    if (u->unicode && units % 8 != 0) {
        strcat(text, eighths[units % 8]);
        used++;
    }
    for (; used < cells; used++) {
        strcat(text, " ");
    }
}

// The bytes of the next character: an escape sequence, which takes no column, or UTF-8.
static size_t next_character(const char *text, int *columns)
{
    size_t len = 1;
    *columns = 1;
    if (text[0] == '\033') {
        *columns = 0;
        len = strcspn(text, "m");
        return text[len] != '\0' ? len + 1 : len;
    }
    while (((unsigned char)text[len] & 0xc0) == 0x80) {
        len++;
    }
    return len;
}

int ui_columns(const char *text, size_t len)
{
    int sum = 0, columns;
    for (size_t at = 0; at < len; sum += columns) {
        at += next_character(text + at, &columns);
    }
    return sum;
}

static void cut_to(char *text, int room)
{
    int columns;
    size_t at = 0;
    while (text[at] != '\0') {
        size_t len = next_character(text + at, &columns);
        room -= columns;
        if (room < 0) {
            break;
        }
        at += len;
    }
    text[at] = '\0';
}

// Cuts at the last double space: half a number would be a wrong one.
static void drop_parts(char *text, int room)
{
    while (ui_columns(text, strlen(text)) > room) {
        char *last = text;
        for (char *at = text; (at = strstr(at, "  ")) != NULL; at++) {
            last = at;
        }
        *last = '\0';
    }
}

void ui_wrap(const ui *u, const char *first, int indent, const char *text)
{
    int width = u->width < UI_TEXT_WIDTH_MAX ? u->width : UI_TEXT_WIDTH_MAX;
    int column = ui_columns(first, strlen(first));
    bool empty = true; // this line has no word yet
    fputs(first, stdout);
    while (*text != '\0') {
        size_t len = strcspn(text, " \n");
        int columns = ui_columns(text, len);
        if (column > indent && column + !empty + columns > width) {
            printf("\n%*s", indent, "");
            column = indent;
            empty = true;
        }
        printf("%s%.*s", empty ? "" : " ", (int)len, text);
        column += columns + !empty;
        empty = false;
        text += len;
        if (*text == '\n') {
            printf("\n%*s", indent, "");
            column = indent;
            empty = true;
        }
        text += *text != '\0';
    }
    putchar('\n');
}

#define BAR_CELLS_MIN 4
#define BAR_CELLS_MAX 24

void ui_progress(const ui *u, const char *label, double fraction, double seconds_left,
                 const char *note)
{
    char bar[UI_BAR_BYTES], left[UI_TEXT_BYTES], name[128], rest[192], end[64] = "";
    if (!u->progress) {
        return;
    }
    snprintf(name, sizeof name, "%s", label);
    cli_printable(name);
    // What is always there: a space, the bar's ends and " 100 %", and the last column,
    // where some terminals break the line already.
    int room = u->width - 10 - BAR_CELLS_MIN;
    cut_to(name, room);
    room -= ui_columns(name, strlen(name));
    if (seconds_left >= 0) {
        snprintf(end, sizeof end, "  left: %s", ui_time(left, seconds_left * 1000));
    }
    if (ui_columns(end, strlen(end)) > room) {
        end[0] = '\0';
    }
    room -= ui_columns(end, strlen(end));
    snprintf(rest, sizeof rest, "%s%s", note[0] != '\0' ? "  " : "", note);
    drop_parts(rest, room);
    room += BAR_CELLS_MIN - ui_columns(rest, strlen(rest));
    ui_bar(u, bar, fraction, room < BAR_CELLS_MAX ? room : BAR_CELLS_MAX);
    fprintf(stderr, "\r\033[K%s %s%s%s%3.0f %%%s%s", name, u->unicode ? "▕" : "[", bar,
            u->unicode ? "▏" : "]", 100 * fraction, rest, end);
    fflush(stderr);
}

void ui_progress_end(const ui *u)
{
    if (u->progress) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
    }
}

const char *ui_time(char *text, double ms)
{
    if (ms < 10) {
        snprintf(text, UI_TEXT_BYTES, "%.1f ms", ms);
    } else if (ms < 1000) {
        snprintf(text, UI_TEXT_BYTES, "%.0f ms", ms);
    } else if (ms < 100000) {
        snprintf(text, UI_TEXT_BYTES, "%.1f s", ms / 1000);
    } else {
        int seconds = ms < 1e9 ? (int)(ms / 1000) : 999999;
        snprintf(text, UI_TEXT_BYTES, "%d min %d s", seconds / 60, seconds % 60);
    }
    return text;
}

const char *ui_bytes(char *text, uint64_t bytes)
{
    if (bytes < 1000) {
        snprintf(text, UI_TEXT_BYTES, "%u B", (unsigned)bytes);
    } else if (bytes < 1000000) {
        snprintf(text, UI_TEXT_BYTES, "%.1f kB", (double)bytes / 1e3);
    } else {
        snprintf(text, UI_TEXT_BYTES, "%.2f MB", (double)bytes / 1e6);
    }
    return text;
}
