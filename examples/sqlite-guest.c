/*
 * SQLite as a guest: the library of its authors with a border of numbers, so that a host can use it in any placement. Statements come
 * in as pieces of 32 bytes, answers go out as pieces of 8; both are little-endian, and a piece that is not full ends in zeros.
 *
 * The database is the file that the environment variable DATABASE names. Locks are not taken, since WASI has none: a database belongs to
 * one guest at a time. A guest must not be checkpointed inside a transaction (docs/guests.md).
 */
/* Internal to this file, so that what is not used is not compiled. */
#define SQLITE_API static
#define SQLITE_EXTERN
#include "sqlite3.c"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT(name) __attribute__((export_name(#name))) name

/* Longest statement and longest answer, in bytes; an answer that is longer is cut. */
enum { STATEMENT_BYTES = 16384, ANSWER_BYTES = 16384, PIECE_NUMBERS = 4 };

static sqlite3 *database;
static char statement[STATEMENT_BYTES + 1];
static size_t statement_bytes;
static char answer[ANSWER_BYTES + 8];
static size_t answer_bytes;

static void append_answer(const char *text) {
	const size_t room = ANSWER_BYTES - answer_bytes;
	const size_t length = strlen(text);
	const size_t taken = length < room ? length : room;
	memcpy(answer + answer_bytes, text, taken);
	answer_bytes += taken;
}

/* One row, its columns joined by '|' as in SQLite's own shell. */
static int take_row(void *unused, int columns, char **values, char **names) {
	(void)unused;
	(void)names;
	if (answer_bytes > 0) append_answer("\n");
	for (int column = 0; column < columns; column += 1) {
		if (column > 0) append_answer("|");
		append_answer(values[column] != NULL ? values[column] : "NULL");
	}
	return 0;
}

/* The SQL function fail(): the guest fails in the middle of a statement. */
static void fail(sqlite3_context *context, int count, sqlite3_value **values) {
	(void)context;
	(void)count;
	(void)values;
	__builtin_trap();
}

/* Opens the database. Returns SQLite's result code. */
int EXPORT(sqlite_open)(void) {
	const char *path = getenv("DATABASE");
	if (path == NULL) return SQLITE_CANTOPEN;
	const int code = sqlite3_open_v2(path, &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "unix-none");
	if (code != SQLITE_OK) return code;
	return sqlite3_create_function_v2(database, "fail", 0, SQLITE_UTF8, NULL, fail, NULL, NULL, NULL);
}

/* Appends a piece to the statement. When there is no room it forgets the whole statement and returns SQLITE_TOOBIG. */
int EXPORT(sqlite_piece)(int64_t first, int64_t second, int64_t third, int64_t fourth) {
	const int64_t piece[PIECE_NUMBERS] = {first, second, third, fourth};
	if (statement_bytes + sizeof piece > STATEMENT_BYTES) {
		statement_bytes = 0;
		return SQLITE_TOOBIG;
	}
	memcpy(statement + statement_bytes, piece, sizeof piece);
	statement_bytes += sizeof piece;
	return SQLITE_OK;
}

/* Runs the statements that have come in. Returns SQLite's result code; the answer is then its rows, or its words about the error. */
int EXPORT(sqlite_run)(void) {
	statement[statement_bytes] = '\0';
	statement_bytes = 0;
	answer_bytes = 0;
	const int code = sqlite3_exec(database, statement, take_row, NULL, NULL);
	if (code != SQLITE_OK) {
		answer_bytes = 0;
		append_answer(sqlite3_errmsg(database));
	}
	memset(answer + answer_bytes, 0, sizeof answer - answer_bytes);
	return code;
}

/* The eight bytes of the answer from `offset` on; 0 behind its end. */
int64_t EXPORT(sqlite_answer)(uint32_t offset) {
	int64_t piece = 0;
	if (offset < answer_bytes) memcpy(&piece, answer + offset, sizeof piece);
	return piece;
}
