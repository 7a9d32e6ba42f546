import FisherCommand
import Foundation
import Testing

#if os(Linux)
    /// `fisher` opens libtorch, and libcurl, by which a page could be served, when a command needs it, and answers questions
    /// for help, and mistakes in arguments, without them.
    @Suite struct StartTests {
        private static let slowLibraries = ["libtorch_cpu.so", "libFoundationNetworking.so", "libcurl.so"]

        /// The words of every command and of every group of commands, the program's own first.
        static let commands: [[String]] = {
            func paths(_ command: any ParsableCommand.Type, _ words: [String]) -> [[String]] {
                [words]
                    + command.configuration.subcommands.flatMap { paths($0, words + [$0._commandName]) }
            }
            return paths(FisherTool.self, [])
        }()

        /// What the program prints, and whether the dynamic loader looked for a library that is slow to load.
        private static func answer(_ words: [String]) throws -> (said: CommandTests.Outcome, loads: Bool) {
            let said = try MachineCommandTests.process(words, environment: ["LD_DEBUG": "files"])
            return (said, slowLibraries.contains { said.errors.contains($0) })
        }

        @Test(arguments: commands)
        func helpLoadsNoLibtorch(_ words: [String]) throws {
            let (said, loads) = try Self.answer(words + ["--help"])
            #expect(said.status == 0 && !loads)
            #expect(said.output.contains("USAGE: fisher"), "\(said.output.prefix(200))")
        }

        @Test(arguments: [
            [], ["-h"], ["help"], ["help", "train"], ["train"], ["train", "digits", "-h"], ["--version"],
            ["--generate-completion-script", "bash"],
        ])
        func otherTextsLoadNoLibtorch(_ words: [String]) throws {
            let (said, loads) = try Self.answer(words)
            #expect(said.status == 0 && !loads && !said.output.isEmpty)
        }

        @Test(arguments: [
            ["--nothing"], ["nothing"], ["train", "nothing"], ["train", "--steps"], ["predict"],
            ["watch", "a", "b"],
        ])
        func mistakesLoadNoLibtorch(_ words: [String]) throws {
            let (said, loads) = try Self.answer(words)
            #expect(said.status == 64 && !loads, "\(words): \(said.errors.suffix(200))")
        }

        @Test func commandsLoadIt() throws {
            let (said, loads) = try Self.answer(["optimizers"])
            #expect(said.status == 0 && loads)
        }

        /// The program alone, as `swift build --product fisher` makes it.
        @Test func aMissingLibraryIsOneSentence() throws {
            try CommandTests.withFolder { root in
                let alone = root + "/fisher"
                try FileManager.default.copyItem(atPath: CommandTests.executable.path, toPath: alone)
                func run(_ words: String) throws -> (status: Int32, errors: String) {
                    let process = Process()
                    let errors = Pipe()
                    (process.executableURL, process.arguments) = (URL(filePath: alone), [words])
                    (process.standardOutput, process.standardError) = (FileHandle.nullDevice, errors)
                    try process.run()
                    let text = errors.fileHandleForReading.readDataToEndOfFile()
                    process.waitUntilExit()
                    return (process.terminationStatus, String(decoding: text, as: UTF8.self))
                }
                #expect(try run("--help") == (0, ""))
                let missing = try run("optimizers")
                #expect(missing.status == 69)
                #expect(missing.errors.hasPrefix("fisher: \(root)/libFisherEngine.so"), "\(missing.errors)")
                #expect(missing.errors.contains("make build"))
                #expect(missing.errors.split(separator: "\n").count == 1)
                try Data("no library".utf8).write(to: URL(filePath: root + "/libFisherEngine.so"))
                let damaged = try run("optimizers")
                #expect(damaged.status == 69 && damaged.errors.hasPrefix("fisher: "), "\(damaged.errors)")
            }
        }
    }
#endif
