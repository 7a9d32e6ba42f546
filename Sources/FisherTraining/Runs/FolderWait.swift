import Foundation

/// Waiting for a folder that another process holds.
package enum FolderWait {
    /// Tries until no other process holds the folder, four times a second.
    ///
    /// - Parameters:
    ///   - tell: called once, where there is something to wait for.
    ///   - begin: what is tried; it throws `StorageError` of kind `inUse` while the folder is held.
    /// - Throws: `Interrupted` if a signal requests to stop; what `begin` throws otherwise.
    package static func untilFree<Value>(
        telling tell: () -> Void = {}, _ begin: () throws -> Value
    ) throws -> Value {
        var isTold = false
        while true {
            do {
                return try begin()
            } catch let error as StorageError where error.kind == .inUse {
                if !isTold { tell() }
                isTold = true
                try Interruption.poll()
                Thread.sleep(forTimeInterval: 0.25)
            }
        }
    }
}
