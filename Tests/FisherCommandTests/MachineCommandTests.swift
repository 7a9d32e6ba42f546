import FisherStudies
import FisherTraining
import Foundation
import Testing
import Torch

/// Threads and output of the command, as a process.
@Suite struct MachineCommandTests {
    static func process(
        _ arguments: [String], environment changes: [String: String?] = [:], output: FileHandle? = nil
    ) throws -> CommandTests.Outcome {
        let process = Process()
        var environment = ProcessInfo.processInfo.environment
        for (name, value) in changes { environment[name] = value }
        let (pipe, errors) = (Pipe(), Pipe())
        (process.executableURL, process.arguments) = (CommandTests.executable, arguments)
        process.environment = environment
        if let output { process.standardOutput = output } else { process.standardOutput = pipe }
        process.standardError = errors
        try process.run()
        let text =
            output == nil
            ? String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self) : ""
        let trouble = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return CommandTests.Outcome(status: process.terminationStatus, output: text, errors: trouble)
    }

    #if os(Linux)
        /// What the user says of waiting stays; otherwise threads sleep.
        @Test func threadsWaitAsleepUnlessTheUserSaysOtherwise() throws {
            for (name, value, expected) in [
                ("OMP_WAIT_POLICY", nil, "sleep (OMP_WAIT_POLICY=passive)"),
                ("OMP_WAIT_POLICY", "active", "OMP_WAIT_POLICY=active"),
                ("GOMP_SPINCOUNT", "7", "GOMP_SPINCOUNT=7"),
            ] as [(String, String?, String)] {
                let found = try Self.process(
                    ["doctor"],
                    environment: ["OMP_WAIT_POLICY": nil, "GOMP_SPINCOUNT": nil].merging([name: value]) { $1 }
                )
                #expect(found.status == 0 && found.output.contains("waiting threads  \(expected)\n"))
            }
        }

        /// Where the limit leaves too little for libtorch and its initializers, a sentence says so.
        @Test func tooLittleMemoryToStartIsASentence() throws {
            for limit in [300_000, 470_000, 500_000, 520_000] {
                let shell = Process()
                let errors = Pipe()
                shell.executableURL = URL(filePath: "/bin/sh")
                shell.arguments = [
                    "-c", "ulimit -v \(limit); exec \"\(CommandTests.executable.path)\" doctor",
                ]
                (shell.standardOutput, shell.standardError) = (FileHandle.nullDevice, errors)
                try shell.run()
                let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
                shell.waitUntilExit()
                let status = shell.terminationStatus
                let isForeseen = shell.terminationReason == .exit && [0, 71].contains(status)
                #expect(isForeseen, "\(limit): \(text)")
                if status == 71 {
                    #expect(text.hasPrefix("fisher: ") && text.split(separator: "\n").count == 1, "\(text)")
                }
            }
        }

        /// A mistake is told where a descriptor is closed.
        @Test func aClosedDescriptorChangesNothing() throws {
            let shell = Process()
            let output = Pipe()
            shell.executableURL = URL(filePath: "/bin/sh")
            let words = "train '' 'two words' <&- 2>&1; echo status $?"
            shell.arguments = ["-c", "unset OMP_WAIT_POLICY; \"\(CommandTests.executable.path)\" \(words)"]
            shell.standardOutput = output
            try shell.run()
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            shell.waitUntilExit()
            #expect(text.contains("subcommand of fisher train") && text.contains("status 64"), "\(text)")
        }
    #endif

    @Test func moreThreadsThanProcessorsAreRefused() throws {
        let limit = "must be at most \(Processors.count), the number of this machine's processors, not 4096"
        let given: [(arguments: [String], environment: [String: String?], name: String)] = [
            (["train", "digits", "--threads", "4096"], [:], "training.threads \(limit)"),
            (["compare", "digits", "--set", "training.threads=4096"], [:], "training.threads \(limit)"),
            (["bench", "optimizers", "--threads", "4096"], [:], "--threads \(limit)"),
            (["doctor"], ["OMP_NUM_THREADS": "4096,2"], "OMP_NUM_THREADS \(limit)"),
        ]
        for (arguments, environment, name) in given {
            let found = try Self.process(arguments, environment: environment)
            #expect(found.status == 64 && found.errors.contains(name), "\(arguments): \(found.errors)")
        }
    }

    @Test(arguments: [["--help"], ["--version"], ["train", "digits", "--print-config"], ["doctor"]])
    func aFullDiskIsAnError(_ arguments: [String]) throws {
        let full = try #require(FileHandle(forWritingAtPath: "/dev/full"))
        let found = try Self.process(arguments, output: full)
        #expect(found.status == 74)
        #expect(found.errors == "fisher: standard output cannot be written: no space left on device\n")
    }

    /// A run is resumed on the threads of its start; the number and what it rests on are in run.json.
    @Test func theThreadsOfARunStay() throws {
        try CommandTests.withFolder { root in
            let run = root + "/run"
            let small = [
                "train", "digits", "--network", "perceptron", "--batch", "8", "--evaluate-every", "150",
                "--set",
                "log.tensorboard=false", "--output", run,
            ]
            // The variable would be a choice.
            let free: [String: String?] = ["OMP_NUM_THREADS": nil]
            let first = try Self.process(small + ["--steps", "300"], environment: free)
            #expect(first.status == 0, "\(first.errors)")
            var document = try RunDirectory(path: run).document()
            #expect((document.environment.threadChoice != nil) == (Processors.usable > 1))
            if let reason = document.environment.threadChoice {
                #expect(first.errors.contains("\(reason) (--threads sets another number)"))
            }
            let threads = document.environment.threads
            let second = try Self.process(
                ["train", "digits", "--resume", "--change-schedule", "--steps", "301", "--output", run],
                environment: free)
            #expect(second.status == 0 && !second.errors.contains("a step takes"), "\(second.errors)")
            document = try RunDirectory(path: run).document()
            #expect(document.environment.threads == threads && document.resumes.count == 1)
        }
    }

    /// The library of matrix products is chosen by name, and a run that is resumed stays with that of its start.
    @Test func theProductsOfARunStay() throws {
        let variable = "SWIFT_FISHER_PRODUCTS"
        let unknown = try Self.process(["doctor"], environment: [variable: "mkl"])
        #expect(unknown.status == 64)
        #expect(unknown.errors.contains("\(variable) must be engine or onednn, not mkl"))
        let named = try Self.process(["doctor"], environment: [variable: "engine"])
        #expect(named.output.contains("the engine's own (\(variable))"))
        try CommandTests.withFolder { root in
            let run = root + "/run"
            let first = try Self.process(
                [
                    "train", "digits", "--network", "perceptron", "--batch", "8", "--steps", "2", "--set",
                    "log.tensorboard=false", "--output", run,
                ], environment: [variable: "engine"])
            #expect(first.status == 0, "\(first.errors)")
            func resumed(to steps: Int, _ products: String?) throws -> CommandTests.Outcome {
                try Self.process(
                    [
                        "train", "digits", "--resume", "--change-schedule", "--steps", "\(steps)",
                        "--output", run,
                    ], environment: [variable: products])
            }
            let second = try resumed(to: 3, nil)
            #expect(second.status == 0 && !second.errors.contains("products"), "\(second.errors)")
            #expect(try RunDirectory(path: run).document().environment.products == "engine")
            let third = try resumed(to: 4, "onednn")
            #expect(third.status == 0, "\(third.errors)")
            if MatrixProducts.oneDNN.whileUsed({ MatrixProducts.current }) == .oneDNN {
                #expect(
                    third.errors.contains("the run's products of matrices were made by engine, here onednn"),
                    "\(third.errors)")
            }
        }
    }
}
