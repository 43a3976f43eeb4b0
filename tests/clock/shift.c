/* A wall clock that is SHIFT_S seconds ahead, for a process and all that it starts (LD_PRELOAD).

   Reads of the wall clock and the times of files are moved one way, instants to wait for the other. Monotonic clocks are
   left as they are. Debian's libfaketime would be the tool for it; with it Python's time.sleep fails. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>

static long shift(void) {
    static long seconds;
    static int known;
    if (!known) {
        const char *said = getenv("SHIFT_S");
        seconds = said ? atol(said) : 0;
        known = 1;
    }
    return seconds;
}

#define REAL(name) static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

int clock_gettime(clockid_t clock, struct timespec *now) {
    REAL(clock_gettime);
    int failed = real(clock, now);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += shift();
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    (void)zone;
    struct timespec found;
    clock_gettime(CLOCK_REALTIME, &found);
    now->tv_sec = found.tv_sec;
    now->tv_usec = found.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *to) {
    struct timespec found;
    clock_gettime(CLOCK_REALTIME, &found);
    if (to) *to = found.tv_sec;
    return found.tv_sec;
}

int timespec_get(struct timespec *to, int base) {
    return base == TIME_UTC && !clock_gettime(CLOCK_REALTIME, to) ? base : 0;
}

/* An instant on the wall clock as the kernel knows it. What is small is of a monotonic clock: seconds since the start. */
static struct timespec back(const struct timespec *until) {
    struct timespec moved = *until;
    if (moved.tv_sec > 1000000000L) moved.tv_sec -= shift();
    return moved;
}

int cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex, const struct timespec *restrict until) {
    REAL(cnd_timedwait);
    struct timespec moved = back(until);
    return real(condition, mutex, &moved);
}

int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict until) {
    REAL(sem_timedwait);
    struct timespec moved = back(until);
    return real(semaphore, &moved);
}

int pthread_mutex_timedlock(pthread_mutex_t *restrict mutex, const struct timespec *restrict until) {
    REAL(pthread_mutex_timedlock);
    struct timespec moved = back(until);
    return real(mutex, &moved);
}

int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict until) {
    static __typeof__(&pthread_cond_timedwait) real; /* by its version: dlsym would find that of old binaries */
    if (!real) real = (__typeof__(&pthread_cond_timedwait))dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
    struct timespec moved = back(until);
    return real(condition, mutex, &moved);
}

static int moved(int failed, struct stat *found) {
    if (!failed) {
        found->st_mtim.tv_sec += shift();
        found->st_ctim.tv_sec += shift();
        found->st_atim.tv_sec += shift();
    }
    return failed;
}

int stat(const char *restrict path, struct stat *restrict found) { REAL(stat); return moved(real(path, found), found); }
int lstat(const char *restrict path, struct stat *restrict found) { REAL(lstat); return moved(real(path, found), found); }
int fstat(int file, struct stat *found) { REAL(fstat); return moved(real(file, found), found); }
int fstatat(int folder, const char *restrict path, struct stat *restrict found, int how) {
    REAL(fstatat);
    return moved(real(folder, path, found, how), found);
}
int stat64(const char *restrict path, struct stat64 *restrict found) {
    REAL(stat64);
    return moved(real(path, found), (struct stat *)found);
}
int lstat64(const char *restrict path, struct stat64 *restrict found) {
    REAL(lstat64);
    return moved(real(path, found), (struct stat *)found);
}
int fstat64(int file, struct stat64 *found) { REAL(fstat64); return moved(real(file, found), (struct stat *)found); }
int fstatat64(int folder, const char *restrict path, struct stat64 *restrict found, int how) {
    REAL(fstatat64);
    return moved(real(folder, path, found, how), (struct stat *)found);
}

int statx(int folder, const char *restrict path, int how, unsigned mask, struct statx *restrict found) {
    REAL(statx);
    int failed = real(folder, path, how, mask, found);
    if (!failed) {
        found->stx_mtime.tv_sec += shift();
        found->stx_ctime.tv_sec += shift();
        found->stx_atime.tv_sec += shift();
        found->stx_btime.tv_sec += shift();
    }
    return failed;
}

static const struct timespec *kernels(const struct timespec given[2], struct timespec to[2]) {
    if (!given) return NULL;
    for (int i = 0; i < 2; i++) {
        to[i] = given[i];
        if (to[i].tv_nsec != UTIME_NOW && to[i].tv_nsec != UTIME_OMIT) to[i].tv_sec -= shift();
    }
    return to;
}

int utimensat(int folder, const char *path, const struct timespec given[2], int how) {
    REAL(utimensat);
    struct timespec to[2];
    return real(folder, path, kernels(given, to), how);
}

int futimens(int file, const struct timespec given[2]) {
    REAL(futimens);
    struct timespec to[2];
    return real(file, kernels(given, to));
}
