import Foundation

/// The most bytes given to one system call: Linux moves less than 2^31, and other systems reject more.
let largestTransfer = 1 << 30

/// Repeats a system call for as long as a signal interrupts it.
func retryingInterrupted<Result: SignedInteger>(_ call: () -> Result) -> Result {
    while true {
        let result = call()
        if result != -1 || errno != EINTR { return result }
    }
}

/// Writes every byte to an open file.
func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: CInt, path: String)
    throws(StorageError)
{
    var rest = bytes
    while !rest.isEmpty {
        let count = retryingInterrupted {
            write(descriptor, rest.baseAddress, min(rest.count, largestTransfer))
        }
        guard count >= 0 else { throw .system("cannot be written", path: path) }
        guard count > 0 else {
            throw StorageError(
                .inputOutput, path: path, reason: "cannot be written: the system takes no more bytes")
        }
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
}

/// Flushes a file to the disk.
func flush(_ descriptor: CInt, path: String) throws(StorageError) {
    guard synchronize(descriptor) == 0 else {
        throw .system("cannot be flushed to the disk", path: path)
    }
}

/// Flushes the names in a folder to the disk; `path` is the file or folder to name in an error.
func flushFolder(_ descriptor: CInt, path: String) throws(StorageError) {
    // Some file systems cannot synchronize a folder and say so: the names are durable without.
    guard synchronize(descriptor) == 0 || errno == EINVAL || errno == ENOTSUP else {
        throw .system("its folder cannot be flushed to the disk", path: path)
    }
}

private func synchronize(_ descriptor: CInt) -> CInt {
    #if canImport(Darwin)
        // On this platform, fsync leaves the data in the disk's cache.
        if fcntl(descriptor, F_FULLFSYNC) == 0 { return 0 }
    #endif
    return retryingInterrupted { fsync(descriptor) }
}

/// What is at an open descriptor.
func status(of descriptor: CInt, path: String) throws(StorageError) -> stat {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .system("cannot be examined", path: path) }
    return status
}
