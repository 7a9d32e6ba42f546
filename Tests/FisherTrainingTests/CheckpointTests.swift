import Fisher
import Foundation
import Testing

@testable import FisherStudies
@testable import FisherTraining

/// A checkpoint is whole or not there, and damage of any kind is found.
@Suite struct CheckpointTests {
    /// The published check of the digits, and equal checks by pieces.
    @Test func crc32cIsCastagnolis() {
        #expect(CRC32C.of("123456789".utf8) == 0xe306_9283)
        #expect(CRC32C.of([UInt8](repeating: 0, count: 32)) == 0x8a91_36aa)
        #expect(CRC32C.of([UInt8](0..<32)) == 0x46dd_794e)
        let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 * 7919) }
        for cut in [1, 7, 8, 9, 500, 999] {
            var check = CRC32C()
            bytes[..<cut].withUnsafeBytes { check.add($0) }
            bytes[cut...].withUnsafeBytes { check.add($0) }
            #expect(check.value == CRC32C.of(bytes))
        }
    }

    private func save(_ store: CheckpointStore, step: Int, value: Double = 1) throws -> Checkpoint {
        try store.save(
            step: step, model: [("w", Tensor([value, 2]))], optimizer: [("m", Tensor([3.0]))],
            state: Data("{\"step\":\(step)}".utf8))
    }

    @Test func newestBestAndRetention() throws {
        try ToyTask.withFolder { root in
            let store = CheckpointStore(folder: root + "/checkpoints")
            #expect(try store.newest() == nil)
            for step in [10, 20, 30, 40] {
                let saved = try save(store, step: step)
                if step == 10 { try store.markBest(saved) }
            }
            try store.prune(keeping: 2)
            #expect(try store.list().map(\.step) == [40, 30, 10])
            #expect(try store.best?.step == 10)
            #expect(try store.newest()?.checkpoint.step == 40)
            // The same step once more: the newer one holds.
            let again = try save(store, step: 40, value: 9)
            let newest = try #require(try store.newest()?.checkpoint)
            #expect(newest == again)
            #expect(
                try SafetensorsFile(path: newest.modelFile).tensor(named: "w").scalars(as: Double.self) == [
                    9, 2,
                ])
        }
    }

    @Test func unfinishedWritingIsNoCheckpoint() throws {
        try ToyTask.withFolder { root in
            let store = CheckpointStore(folder: root)
            _ = try save(store, step: 1)
            let failing = [("w", Tensor([1.0]) + Tensor([1.0, 2.0, 3.0]).reshaped([7]))]
            #expect(throws: (any Error).self) {
                try store.save(step: 2, model: failing, optimizer: [], state: Data())
            }
            #expect(try store.list().map(\.step) == [1])
            _ = try DurableStorage.makeTemporaryFolder(in: root)
            store.removeUnfinished()
            #expect(try FileManager.default.contentsOfDirectory(atPath: root) == ["step-000000001"])
        }
    }

    /// Every file cut to every length up to 4 KB, and 200 flipped bits.
    @Test func damageIsFoundAndTheOneBeforeIsTaken() throws {
        try ToyTask.withFolder { root in
            let store = CheckpointStore(folder: root)
            let good = try save(store, step: 1)
            let bad = try save(store, step: 2)
            var found = 0
            for name in Checkpoint.fileNames + [CheckpointManifest.fileName] {
                let path = bad.path + "/" + name
                let whole = try Data(contentsOf: URL(filePath: path))
                for length in 0..<min(whole.count, 4096) {
                    try whole.prefix(length).write(to: URL(filePath: path))
                    #expect(throws: StorageError.self) { try bad.verify() }
                    found += 1
                }
                var generator = SystemRandomNumberGenerator()
                for _ in 0..<50 {
                    var changed = whole
                    let position = Int.random(in: whole.indices, using: &generator)
                    changed[position] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
                    try changed.write(to: URL(filePath: path))
                    #expect(throws: StorageError.self, "\(name) byte \(position)") { try bad.verify() }
                }
                let (newest, damaged) = try #require(try store.newest())
                #expect(newest == good)
                #expect(damaged.count == 1 && damaged[0].path == bad.path)
                try whole.write(to: URL(filePath: path))
            }
            try bad.verify()
            #expect(found > 300)
            try FileManager.default.removeItem(atPath: bad.stateFile)
            try FileManager.default.removeItem(atPath: good.path + "/MANIFEST")
            #expect(throws: StorageError.self) { try store.newest() }
        }
    }

    /// What lies in the place of a checkpoint, or of one of its files, and is none.
    @Test(arguments: [
        "dangling link", "file", "loop", "manifest folder", "file missing", "folder in a file's place",
    ])
    func whatIsNoCheckpointIsPassedOver(_ kind: String) throws {
        try ToyTask.withFolder { root in
            let store = CheckpointStore(folder: root)
            let good = try save(store, step: 1)
            let bad = try save(store, step: 2)
            let manager = FileManager.default
            switch kind {
            case "dangling link", "file", "loop":
                try manager.removeItem(atPath: bad.path)
                if kind == "file" {
                    try Data("x".utf8).write(to: URL(filePath: bad.path))
                } else {
                    symlink(kind == "loop" ? bad.path : root + "/nowhere", bad.path)
                }
            case "manifest folder":
                try manager.removeItem(atPath: bad.path + "/MANIFEST")
                try manager.createDirectory(
                    atPath: bad.path + "/MANIFEST", withIntermediateDirectories: false)
            case "file missing": try manager.removeItem(atPath: bad.modelFile)
            default:
                try manager.removeItem(atPath: bad.stateFile)
                try manager.createDirectory(atPath: bad.stateFile, withIntermediateDirectories: false)
            }
            let (newest, damaged) = try #require(try store.newest())
            #expect(newest == good && damaged.count == 1)
            #expect(damaged[0].path.hasPrefix(bad.path))
        }
    }

    /// A bad sector is the checkpoint's; no permission and no descriptors left are not, and nothing is guessed from them.
    @Test func onlyDamageIsPassedOver() {
        for number in [EIO, ENOENT, ENOTDIR, ELOOP, EISDIR] {
            #expect(
                CheckpointStore.isDamage(
                    StorageError(.inputOutput, path: "a", reason: "b", systemError: number)))
        }
        for number in [EACCES, EPERM, EMFILE, ENFILE, ENOMEM, ESTALE] {
            #expect(
                !CheckpointStore.isDamage(
                    StorageError(.inputOutput, path: "a", reason: "b", systemError: number)))
        }
    }

    @Test func damagedCheckpointsDoNotCount() throws {
        try ToyTask.withFolder { root in
            let store = CheckpointStore(folder: root)
            let damaged = try save(store, step: 500)
            _ = try save(store, step: 300)
            _ = try save(store, step: 310)
            try store.prune(keeping: 1, damaged: [damaged])
            #expect(try store.list().map(\.step) == [500, 310])
            _ = try save(store, step: 505)
            try store.prune(keeping: 1, steps: [310], damaged: [damaged])
            #expect(try store.list().map(\.step) == [505, 310])
        }
    }

    @Test func oneProcessAtATime() throws {
        try ToyTask.withFolder { root in
            let lock = try FolderLock(folder: root)
            let error = #expect(throws: StorageError.self) { try FolderLock(folder: root) }
            #expect(error?.kind == .inUse)
            #expect(error?.reason.contains("process \(getpid())") == true)
            withExtendedLifetime(lock) {}
        }
    }
}
