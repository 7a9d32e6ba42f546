import Fisher
import Foundation
import Testing

@testable import FisherFiles
@testable import FisherStudies
@testable import FisherTraining

/// A folder that cannot be used is refused before anything is trained, and what lies there stays.
@Suite struct FolderUseTests {
    private func refusal(_ work: () throws -> Void) -> StorageError? {
        #expect(throws: StorageError.self, performing: work)
    }

    /// Files that neither a run nor a study wrote are not replaced: a user's own config.toml least of all.
    @Test(arguments: ["config.toml", "report.html", "metrics.jsonl", "results.csv"])
    func filesOfOthersAreNotReplaced(_ name: String) throws {
        try ToyTask.withFolder { root in
            let file = URL(filePath: root + "/" + name)
            try Data("mine".utf8).write(to: file)
            let run = name == "results.csv" ? nil : refusal { try ResumeTests.run(root)() }
            let study =
                name == "metrics.jsonl"
                ? nil : refusal { _ = try StudyDirectory(path: root, resuming: false) }
            for error in [run, study].compactMap(\.self) {
                #expect(
                    error.kind == .cannotCreate && error.reason.contains("holds a file \(name)"), "\(error)")
            }
            #expect(run != nil || study != nil)
            #expect(try Data(contentsOf: file) == Data("mine".utf8))
        }
    }

    @Test func aFileInItsPlaceOrAStudyIsRefused() throws {
        try ToyTask.withFolder { root in
            let file = root + "/file"
            try Data().write(to: URL(filePath: file))
            for path in [file, file + "/below"] {
                for work in [
                    { try DurableStorage.requireWritableFolder(path) },
                    { try RunDirectory(path: path).requireUsable(resuming: false) },
                    { try StudyDirectory.check(path, for: .hierarchy, resuming: false) },
                ] { #expect(refusal(work)?.kind == .cannotCreate) }
            }
            try StudyDirectory.check(root + "/new/below", for: .comparison, resuming: false)
            #expect(try DurableStorage.names(inFolder: root) == ["file"])
            let study = root + "/study"
            try DurableStorage.makeFolder(study)
            try StudyStatus(.comparison, of: ToyTask().summary, by: .example, planned: 1).write(to: study)
            #expect(refusal { try ResumeTests.run(study)() }?.reason.contains("holds a study") == true)
        }
    }

    /// The folder of one kind of study is none for another, whether its status or its results tell.
    @Test(arguments: [false, true]) func anotherStudyIsRefused(_ hasStatus: Bool) throws {
        try ToyTask.withFolder { root in
            if hasStatus {
                try StudyStatus(.hierarchy, of: ToyTask().summary, by: .example, planned: 1).write(to: root)
            } else {
                try Data(#"{"levels": []}"#.utf8).write(to: URL(filePath: root + "/results.json"))
            }
            for kind in [StudyKind.comparison, .continual, .landscape] {
                let error = refusal { _ = try StudyDirectory(path: root, kind: kind, resuming: true) }
                #expect(error?.reason.contains("holds a hierarchy, not a") == true, "\(kind)")
            }
            _ = try StudyDirectory(path: root, kind: .hierarchy, resuming: true)
        }
    }

    /// A lock is held by a process at work, and by nobody after it.
    @Test func aLockIsSeenWithoutBeingTaken() throws {
        try ToyTask.withFolder { root in
            #expect(!FolderLock.isHeld(folder: root) && !FolderLock.isHeld(folder: root + "/none"))
            do {
                let lock = try FolderLock(folder: root)
                #expect(FolderLock.isHeld(folder: root))
                #expect(refusal { _ = try FolderLock(folder: root) }?.kind == .inUse)
                withExtendedLifetime(lock) {}
            }
            #expect(!FolderLock.isHeld(folder: root))
            // Looking does not keep a process that begins meanwhile out.
            let descriptor = open(root + "/lock", O_RDONLY)
            #expect(flock(descriptor, LOCK_SH) == 0)
            let thread = Thread {
                usleep(8000); close(descriptor)
            }
            thread.start()
            _ = try FolderLock(folder: root)
        }
    }

    /// A run that had come to its end keeps its name, its times and its starts when its command is repeated; one that goes on
    /// counts the steps before.
    @Test func resumingChangesNeitherNameNorTimes() throws {
        try ToyTask.withFolder { root in
            let whole = try ResumeTests.run(root + "/a")()
            #expect(whole.record.forwardBackwardMilliseconds > 0)
            let again = try ResumeTests.run(root + "/a")(resuming: true)
            #expect(again == whole)
            try ResumeTests.crash(root + "/b", after: 19)
            try FileManager.default.removeItem(atPath: root + "/b/run.json")
            let resumed = try ResumeTests.run(root + "/b")(resuming: true, allowing: .damage)
            #expect(resumed.record.forwardBackwardMilliseconds > 0 && resumed.resumes.map(\.step) == [18])
            #expect(resumed.label == "fadam")
        }
    }

    /// The times that a checkpoint holds are few, and no others are taken.
    @Test func timesAreKeptInCheckpoints() {
        var times = StepTimes()
        for step in 1...1000 { times.note(Double(step), 2) }
        #expect(times.hasNew && times.saved.map(\.count) == [256, 256])
        let restored = StepTimes(saved: times.saved)
        #expect(!restored.hasNew && restored.medianUpdateMilliseconds == 2)
        #expect(abs(restored.medianGradientMilliseconds - times.medianGradientMilliseconds) < 4)
        for wrong in [[[1.0]], [[1], [1, 2]], [[-1], [1]], [[.nan], [1]], []] {
            #expect(StepTimes(saved: wrong).medianGradientMilliseconds == 0, "\(wrong)")
        }
    }
}
