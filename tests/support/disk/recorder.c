/* Loaded before the C library into a server under test: writes down every call that changes files below one
 * folder, and can let one of them fail, end the process at it, or be a lie. The tests build it with `cc`;
 * `trace.rs` reads what it writes, `shim.rs` sets the variables.
 *
 * RECORDER_ROOT     folder to watch; nothing outside of it is touched
 * RECORDER_TRACE    file that records are appended to, one write(2) each, so that processes do not mix
 * RECORDER_FAULT    <kind>:<number>:<what>[:<end of path>]: at the numberth call of a kind (write, sync, rename,
 *                   from 1) do something: `before` and `after` end the process, `EIO` and `ENOSPC` fail it
 * RECORDER_SWALLOW  <call>:<end of path>: such calls (fdatasync, write) report success and do nothing
 * RECORDER_LATE     <milliseconds>:<end of path>: fdatasync reports success at once and is done later
 *
 * A record is logged after the call has succeeded and before it returns: whatever happened because of a call
 * comes after it. A sync has two records, so that only what was written before it began counts as synced. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OPEN = 1, WRITE, TRUNCATE, SYNC_BEGIN, SYNC_END, RENAME, UNLINK, MKDIR, RMDIR, LINK, FAULT = 14 };
enum { CREATED = 1, EMPTIED = 2, DIRECTORY = 4 };

struct header {
    uint8_t kind, flags;
    uint16_t path, other;
    uint16_t pid;
    uint64_t inode, number;
    uint32_t data;
    uint32_t zero;
};

#define FILES 65536
static struct { char *path; uint64_t inode; int directory; } files[FILES];
static pthread_mutex_t table = PTHREAD_MUTEX_INITIALIZER;
static char root[PATH_MAX];
static size_t root_len;
static int trace = -1;
static char fault_kind[16], fault_what[16], fault_path[256];
static long fault_at;
static atomic_long fault_count;
static char swallow_call[16], swallow_path[256], late_path[256];
static long late_ms = -1;
static atomic_ulong syncs;

#define REAL(name) ((__typeof__(&name))real(#name))
static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

/* Ends at a colon; returns what follows it. */
static const char *part(const char *text, char *out, size_t size) {
    size_t n = strcspn(text, ":");
    snprintf(out, size, "%.*s", (int)n, text);
    return text[n] ? text + n + 1 : text + n;
}

/* Servers, and commands about the log; not the runners that servers start. */
static int is_recorded(void) {
    char line[4096];
    int fd = REAL(open)("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, line, sizeof line - 1);
    if (fd >= 0) REAL(close)(fd);
    if (n <= 0) return 0;
    line[n] = 0;
    size_t first = strlen(line) + 1;
    if (first >= (size_t)n) return 0;
    return strcmp(line + first, "serve") == 0 || strcmp(line + first, "log") == 0;
}

__attribute__((constructor)) static void begin(void) {
    const char *value = getenv("RECORDER_ROOT");
    if (!value || !is_recorded()) return;
    snprintf(root, sizeof root, "%s/", value);
    root_len = strlen(root);
    if ((value = getenv("RECORDER_FAULT"))) {
        char number[32];
        value = part(value, fault_kind, sizeof fault_kind);
        value = part(value, number, sizeof number);
        value = part(value, fault_what, sizeof fault_what);
        snprintf(fault_path, sizeof fault_path, "%s", value);
        fault_at = atol(number);
    }
    if ((value = getenv("RECORDER_SWALLOW"))) {
        value = part(value, swallow_call, sizeof swallow_call);
        snprintf(swallow_path, sizeof swallow_path, "%s", value);
    }
    if ((value = getenv("RECORDER_LATE"))) {
        char number[32];
        value = part(value, number, sizeof number);
        snprintf(late_path, sizeof late_path, "%s", value);
        late_ms = atol(number);
    }
    if ((value = getenv("RECORDER_TRACE")))
        trace = REAL(open)(value, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

static void record(int kind, int flags, uint64_t inode, uint64_t number, const char *path, const char *other,
                   const void *data, size_t len) {
    if (trace < 0) return;
    struct header head = {kind, flags, path ? strlen(path) : 0, other ? strlen(other) : 0, getpid() & 0xffff, inode, number, len, 0};
    struct iovec parts[4] = {{&head, sizeof head}, {(void *)path, head.path}, {(void *)other, head.other}, {(void *)data, len}};
    ssize_t (*out)(int, const struct iovec *, int) = REAL(writev);
    ssize_t all = sizeof head + head.path + head.other + len;
    int saved = errno;
    if (out(trace, parts, 4) != all) _exit(97);
    errno = saved;
}

/* The path below the root, or nothing. Not ours: what is unpacked or logged beside the log. */
static const char *ours(const char *path) {
    if (!root_len || !path || strncmp(path, root, root_len - 1) != 0) return NULL;
    if (!path[root_len - 1]) return "";
    if (path[root_len - 1] != '/') return NULL;
    const char *below = path + root_len;
    static const char *others[] = {"python/", "output/", "runner/", "runner.", "lock"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strncmp(below, others[i], strlen(others[i])) == 0) return NULL;
    return below;
}

static const char *joined(int at, const char *path, char *out) {
    if (!path || path[0] == '/') return path;
    if (at == AT_FDCWD || at < 0 || at >= FILES || !files[at].path) return path;
    int n = snprintf(out, PATH_MAX, "%s%s/%s", root, files[at].path, path);
    return n < PATH_MAX ? out : NULL;
}

static int ends(const char *path, const char *end) {
    size_t a = strlen(path), b = strlen(end);
    return a >= b && strcmp(path + a - b, end) == 0;
}

/* Whether this call fails now; the process may end here, or (2) must end after the call. */
static int fault(const char *kind, const char *path) {
    if (!fault_at || strcmp(kind, fault_kind) != 0 || !ends(path, fault_path)) return 0;
    if (atomic_fetch_add(&fault_count, 1) + 1 != fault_at) return 0;
    record(FAULT, 0, 0, fault_at, path, fault_what, NULL, 0);
    if (strcmp(fault_what, "before") == 0) _exit(137);
    if (strcmp(fault_what, "after") == 0) return 2;
    errno = strcmp(fault_what, "EIO") == 0 ? EIO : ENOSPC;
    return 1;
}

static int lied(const char *call, const char *path) {
    return swallow_call[0] && strcmp(call, swallow_call) == 0 && ends(path, swallow_path);
}

static int opened(int fd, const char *path, int flags, int existed) {
    const char *below = ours(path);
    if (fd < 0 || fd >= FILES || !below) return fd;
    struct stat st;
    if (fstat(fd, &st) != 0) return fd;
    pthread_mutex_lock(&table);
    free(files[fd].path);
    files[fd].path = strdup(below);
    files[fd].inode = st.st_ino;
    files[fd].directory = S_ISDIR(st.st_mode);
    pthread_mutex_unlock(&table);
    int said = (existed ? 0 : CREATED) | (flags & O_TRUNC ? EMPTIED : 0);
    if (said && !files[fd].directory) record(OPEN, said, st.st_ino, 0, below, NULL, NULL, 0);
    return fd;
}

static int open_at(int at, const char *path, int flags, mode_t mode) {
    char full[PATH_MAX];
    const char *whole = joined(at, path, full);
    int watched = ours(whole) != NULL;
    int existed = !watched || access(whole, F_OK) == 0;
    return opened(REAL(openat)(at, path, flags, mode), whole, flags, existed);
}

#define OPENER(name)                                    \
    int name(const char *path, int flags, ...) {        \
        va_list more;                                   \
        va_start(more, flags);                          \
        mode_t mode = va_arg(more, int);                \
        va_end(more);                                   \
        return open_at(AT_FDCWD, path, flags, mode);    \
    }
OPENER(open)
OPENER(open64)
#define OPENER_AT(name)                                     \
    int name(int at, const char *path, int flags, ...) {    \
        va_list more;                                       \
        va_start(more, flags);                              \
        mode_t mode = va_arg(more, int);                    \
        va_end(more);                                       \
        return open_at(at, path, flags, mode);              \
    }
OPENER_AT(openat64)

int close(int fd) {
    if (fd >= 0 && fd < FILES && files[fd].path) {
        pthread_mutex_lock(&table);
        free(files[fd].path);
        files[fd].path = NULL;
        pthread_mutex_unlock(&table);
    }
    return REAL(close)(fd);
}

static int copied(int from, int to) {
    if (to < 0 || to >= FILES || from < 0 || from >= FILES || !files[from].path) return to;
    pthread_mutex_lock(&table);
    free(files[to].path);
    files[to].path = strdup(files[from].path);
    files[to].inode = files[from].inode;
    files[to].directory = files[from].directory;
    pthread_mutex_unlock(&table);
    return to;
}

int dup(int fd) { return copied(fd, REAL(dup)(fd)); }
#define CONTROL(name)                                           \
    int name(int fd, int command, ...) {                        \
        va_list more;                                           \
        va_start(more, command);                                \
        void *argument = va_arg(more, void *);                  \
        va_end(more);                                           \
        int got = REAL(name)(fd, command, argument);            \
        if (command == F_DUPFD || command == F_DUPFD_CLOEXEC) return copied(fd, got); \
        return got;                                             \
    }
CONTROL(fcntl)
CONTROL(fcntl64)

static const char *path_of(int fd) { return fd >= 0 && fd < FILES && root_len ? files[fd].path : NULL; }

#define AROUND_WRITE(call, offset)                                              \
    const char *path = path_of(fd);                                             \
    if (!path) return call;                                                     \
    if (lied("write", path)) return n;                                          \
    int failed = fault("write", path);                                          \
    if (failed == 1) return -1;                                                 \
    ssize_t got = call;                                                         \
    if (got > 0) record(WRITE, 0, files[fd].inode, offset, NULL, NULL, bytes, got); \
    if (failed == 2) _exit(137);                                                \
    return got

ssize_t write(int fd, const void *bytes, size_t n) { AROUND_WRITE(REAL(write)(fd, bytes, n), lseek(fd, 0, SEEK_CUR) - got); }
ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at) { AROUND_WRITE(REAL(pwrite)(fd, bytes, n, at), at); }
ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t at) { AROUND_WRITE(REAL(pwrite64)(fd, bytes, n, at), at); }

/* Joins the parts first, so that there is one way to write. */
ssize_t writev(int fd, const struct iovec *parts, int count) {
    if (!path_of(fd)) return REAL(writev)(fd, parts, count);
    size_t n = 0;
    for (int i = 0; i < count; i++) n += parts[i].iov_len;
    char *all = malloc(n), *at = all;
    if (!all) _exit(97);
    for (int i = 0; i < count; i++) at = mempcpy(at, parts[i].iov_base, parts[i].iov_len);
    ssize_t got = write(fd, all, n);
    free(all);
    return got;
}

static int emptied(int fd, off64_t size, int got) {
    if (got == 0 && path_of(fd)) record(TRUNCATE, 0, files[fd].inode, size, NULL, NULL, NULL, 0);
    return got;
}
int ftruncate(int fd, off_t size) {
    if (path_of(fd) && fault("write", path_of(fd)) == 1) return -1;
    return emptied(fd, size, REAL(ftruncate)(fd, size));
}
int ftruncate64(int fd, off64_t size) {
    if (path_of(fd) && fault("write", path_of(fd)) == 1) return -1;
    return emptied(fd, size, REAL(ftruncate64)(fd, size));
}

static int synced(int fd, const char *call, int (*sync)(int)) {
    const char *path = path_of(fd);
    if (!path) return sync(fd);
    int failed = fault("sync", path);
    if (failed == 1) return -1;
    char *name = strdup(path);
    uint64_t inode = files[fd].inode, number = atomic_fetch_add(&syncs, 1);
    int flags = files[fd].directory ? DIRECTORY : 0;
    record(SYNC_BEGIN, flags, inode, number, name, NULL, NULL, 0);
    int got = lied(call, name) ? 0 : sync(fd);
    if (got == 0 && !lied(call, name)) record(SYNC_END, flags, inode, number, name, NULL, NULL, 0);
    free(name);
    if (failed == 2) _exit(137);
    return got;
}

struct later { int fd; };
static void *do_later(void *argument) {
    struct later *it = argument;
    usleep(late_ms * 1000);
    synced(it->fd, "later", REAL(fdatasync));
    close(it->fd);
    free(it);
    return NULL;
}

int fsync(int fd) { return synced(fd, "fsync", REAL(fsync)); }
int fdatasync(int fd) {
    const char *path = path_of(fd);
    if (path && late_ms >= 0 && ends(path, late_path)) {
        struct later *it = malloc(sizeof *it);
        pthread_t thread;
        it->fd = dup(fd);
        if (pthread_create(&thread, NULL, do_later, it) != 0) _exit(97);
        pthread_detach(thread);
        return 0;
    }
    return synced(fd, "fdatasync", REAL(fdatasync));
}

/* Neither length nor the drive's cache: a power cut does not know that it was called. */
int sync_file_range(int fd, off64_t at, off64_t n, unsigned flags) { return REAL(sync_file_range)(fd, at, n, flags); }

static int moved(int from_at, const char *from, int to_at, const char *to, unsigned flags) {
    char a[PATH_MAX], b[PATH_MAX];
    const char *old = ours(joined(from_at, from, a)), *new = ours(joined(to_at, to, b));
    int failed = new ? fault("rename", new) : 0;
    if (failed == 1) return -1;
    int got = REAL(renameat2)(from_at, from, to_at, to, flags);
    if (got == 0 && (old || new)) record(RENAME, 0, 0, 0, old ? old : "", new ? new : "", NULL, 0);
    if (failed == 2) _exit(137);
    return got;
}
int rename(const char *from, const char *to) { return moved(AT_FDCWD, from, AT_FDCWD, to, 0); }
int renameat(int a, const char *from, int b, const char *to) { return moved(a, from, b, to, 0); }
int renameat2(int a, const char *from, int b, const char *to, unsigned flags) { return moved(a, from, b, to, flags); }

static int removed(int at, const char *path, int flags) {
    char full[PATH_MAX];
    const char *below = ours(joined(at, path, full));
    int got = REAL(unlinkat)(at, path, flags);
    if (got == 0 && below) record(flags & AT_REMOVEDIR ? RMDIR : UNLINK, 0, 0, 0, below, NULL, NULL, 0);
    return got;
}
int unlink(const char *path) { return removed(AT_FDCWD, path, 0); }
int unlinkat(int at, const char *path, int flags) { return removed(at, path, flags); }
int rmdir(const char *path) { return removed(AT_FDCWD, path, AT_REMOVEDIR); }

int mkdirat(int at, const char *path, mode_t mode) {
    char full[PATH_MAX];
    const char *below = ours(joined(at, path, full));
    int got = REAL(mkdirat)(at, path, mode);
    if (got == 0 && below) record(MKDIR, 0, 0, 0, below, NULL, NULL, 0);
    return got;
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

static int linked(int a, const char *from, int b, const char *to, int flags) {
    char x[PATH_MAX], y[PATH_MAX];
    const char *old = ours(joined(a, from, x)), *new = ours(joined(b, to, y));
    int got = REAL(linkat)(a, from, b, to, flags);
    if (got == 0 && new) record(LINK, 0, 0, 0, old ? old : "", new, NULL, 0);
    return got;
}
int link(const char *from, const char *to) { return linked(AT_FDCWD, from, AT_FDCWD, to, 0); }
int linkat(int a, const char *from, int b, const char *to, int flags) { return linked(a, from, b, to, flags); }

/* Ways round `write`: the callers fall back to it. */
ssize_t copy_file_range(int a, off64_t *x, int b, off64_t *y, size_t n, unsigned flags) {
    if (!path_of(b)) return REAL(copy_file_range)(a, x, b, y, n, flags);
    errno = EXDEV;
    return -1;
}
ssize_t sendfile64(int to, int from, off64_t *at, size_t n) {
    ssize_t (*it)(int, int, off64_t *, size_t) = real("sendfile64");
    if (!path_of(to)) return it(to, from, at, n);
    errno = EINVAL;
    return -1;
}
