/* Put in front of the readers that are compiled for a folder in memory (folder.h): their calls of the system go to
 * memory.c, which passes on those that aren't about the folder.
 */
#ifndef ROTA_TESTS_FUZZ_MEMORY_H
#define ROTA_TESTS_FUZZ_MEMORY_H

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int memory_open(const char *path, int flags);
int memory_openat(int dir, const char *path, int flags, ...);
int memory_close(int fd);
ssize_t memory_read(int fd, void *out, size_t len);
ssize_t memory_pread(int fd, void *out, size_t len, off_t at);
ssize_t memory_write(int fd, const void *bytes, size_t len);
int memory_fstat(int fd, struct stat *st);
int memory_fstatat(int dir, const char *name, struct stat *st, int flags);
int memory_unlinkat(int dir, const char *name, int flags);
int memory_renameat(int dir, const char *from, int to_dir, const char *to);
DIR *memory_fdopendir(int fd);
struct dirent *memory_readdir(DIR *dir);
int memory_closedir(DIR *dir);
/* A whole file, to be read alone: as a copy of exactly its size, so that a read beyond its end is found. */
void *memory_mmap(void *at, size_t len, int protection, int flags, int fd, off_t from);
int memory_munmap(void *bytes, size_t len);
/* Of openat2 and pidfd_open. */
long memory_syscall(long number, ...);

#ifndef MEMORY_ITSELF
#define open(...)      memory_open(__VA_ARGS__)
#define openat(...)    memory_openat(__VA_ARGS__)
#define close(...)     memory_close(__VA_ARGS__)
#define read(...)      memory_read(__VA_ARGS__)
#define pread(...)     memory_pread(__VA_ARGS__)
#define write(...)     memory_write(__VA_ARGS__)
#define fstat(...)     memory_fstat(__VA_ARGS__)
#define fstatat(...)   memory_fstatat(__VA_ARGS__)
#define unlinkat(...)  memory_unlinkat(__VA_ARGS__)
#define renameat(...)  memory_renameat(__VA_ARGS__)
#define fdopendir(...) memory_fdopendir(__VA_ARGS__)
#define readdir(...)   memory_readdir(__VA_ARGS__)
#define closedir(...)  memory_closedir(__VA_ARGS__)
#define mmap(...)      memory_mmap(__VA_ARGS__)
#define munmap(...)    memory_munmap(__VA_ARGS__)
#define syscall(...)   memory_syscall(__VA_ARGS__)
#endif

#endif
