# The disk of tests/sim/disk.h for a program's link: these objects and flags. What is wrapped is only what the program
# itself calls, not the libraries.
DISK_OBJECT := $(patsubst %,$(BUILD)/obj/tests/sim/%.o,disk disk_file disk_crash vfs calls allocs)
DISK_CALLS  := open openat close read write pread pwrite sendfile fsync fdatasync ftruncate posix_fallocate fcntl \
               access stat fstat mkdir unlink unlinkat rename renameat link realpath statvfs statfs
ALLOC_CALLS := malloc calloc realloc reallocarray strdup vasprintf abort
DISK_LINK   := $(DISK_CALLS:%=-Wl,--wrap=%) $(ALLOC_CALLS:%=-Wl,--wrap=%)
TEST_OBJECTS += $(DISK_OBJECT)
