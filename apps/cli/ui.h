// SPDX-License-Identifier: Apache-2.0
// What output looks like: colour and block characters where the terminal has them,
// plain text elsewhere; progress for people only.
#ifndef BH_CLI_UI_H
#define BH_CLI_UI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ui {
    bool colour;   // stdout is a terminal and NO_COLOR is not set
    bool unicode;  // the locale does not rule it out
    bool progress; // stderr is a terminal
    int width;     // columns of the terminal, 80 where unknown; at least UI_WIDTH_MIN
} ui;

#define UI_WIDTH_MIN 20
ui ui_make(void);

typedef enum ui_style { UI_PLAIN, UI_BOLD, UI_DIM, UI_GOOD, UI_DOUBT, UI_BAD } ui_style;
// The escape sequence, or "" without colour. UI_PLAIN ends every style.
const char *ui_on(const ui *u, ui_style style);

// The columns that the first len bytes of a text take: one for a character of UTF-8,
// none for an escape sequence.
int ui_columns(const char *text, size_t len);

// A bar of `cells` columns, padded with spaces; fraction 0 .. 1. text has room for
// UI_BAR_BYTES.
#define UI_BAR_CELLS_MAX 60
#define UI_BAR_BYTES     (3 * UI_BAR_CELLS_MAX + 1)
void ui_bar(const ui *u, char *text, double fraction, int cells);

// Prints `first` and then the words of text, broken at spaces so that no line is wider
// than the terminal, nor than UI_TEXT_WIDTH_MAX; lines after the first begin with
// `indent` spaces. '\n' in the text breaks a line too; ends with one.
#define UI_TEXT_WIDTH_MAX 80
void ui_wrap(const ui *u, const char *first, int indent, const char *text);

// One line on stderr that is drawn over itself; nothing where stderr is no terminal. It
// never takes more than one line: the bar gives way, then the note. seconds_left < 0:
// unknown.
void ui_progress(const ui *u, const char *label, double fraction, double seconds_left,
                 const char *note);
void ui_progress_end(const ui *u);

// "41 ms", "1.9 s", "2 min 10 s"; "812 B", "1.31 MB". text has room for UI_TEXT_BYTES.
#define UI_TEXT_BYTES 32
const char *ui_time(char *text, double ms);
const char *ui_bytes(char *text, uint64_t bytes);

#endif
