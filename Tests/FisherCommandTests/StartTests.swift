import CStart
import FisherCommand
import Foundation
import Testing

#if os(Linux)
    /// `fisher` loads libtorch when a command needs it, and answers questions for help without it.
    @Suite struct StartTests {
        private static let engine = "libtorch_cpu.so"

        /// The words of every command and of every group of commands, the program's own first.
        static let commands: [[String]] = {
            func paths(_ command: any ParsableCommand.Type, _ words: [String]) -> [[String]] {
                [words]
                    + command.configuration.subcommands.flatMap { paths($0, words + [$0._commandName]) }
            }
            return paths(FisherTool.self, [])
        }()

        /// What the program prints, and whether the dynamic loader looked for libtorch, in the program or in one that it
        /// started in its place.
        private static func answer(_ words: [String]) throws -> (said: CommandTests.Outcome, loads: Bool) {
            let said = try MachineCommandTests.process(words, environment: ["LD_DEBUG": "files"])
            return (said, said.errors.contains(engine))
        }

        @Test func theProgramIsLinkedWithoutLibtorch() throws {
            let found = try MachineCommandTests.process([], environment: ["LD_TRACE_LOADED_OBJECTS": "1"])
            #expect(found.output.contains("libswiftCore.so") && !found.output.contains(Self.engine))
        }

        @Test(arguments: commands)
        func helpLoadsNoLibtorch(_ words: [String]) throws {
            let (said, loads) = try Self.answer(words + ["--help"])
            #expect(said.status == 0 && !loads)
            #expect(said.output.contains("USAGE: fisher"), "\(said.output.prefix(200))")
        }

        @Test(arguments: [
            [], ["-h"], ["help"], ["help", "train"], ["train", "digits", "-h"], ["--version"],
            ["--generate-completion-script", "bash"],
        ])
        func otherTextsLoadNoLibtorch(_ words: [String]) throws {
            let (said, loads) = try Self.answer(words)
            #expect(said.status == 0 && !loads && !said.output.isEmpty)
        }

        /// The whole program speaks where a question for help turns out to be none.
        @Test func mistakesBesideHelpAreMistakes() throws {
            for words in [["train", "digits", "--output", "--help"], ["optimizers", "--", "--help"]] {
                let (said, loads) = try Self.answer(words)
                #expect(said.status == 64 && loads, "\(words): \(said.output.prefix(200))")
            }
        }

        /// Programs that `fisher` starts do not load libtorch.
        @Test func libtorchIsTakenOutOfTheEnvironment() {
            let own = "libtorch_cpu.so:libc10.so"
            func left(_ value: String) -> [String] {
                let texts = ["A=1", "LD_PRELOAD=" + value, "B=2"]
                var entries: [UnsafeMutablePointer<CChar>?] = texts.map { text in strdup(text) } + [nil]
                let all = entries
                defer { all.forEach { free($0) } }
                _ = cs_forget_engine(&entries)
                return entries.prefix { $0 != nil }.compactMap { $0.map { String(cString: $0) } }
            }
            #expect(left(own) == ["A=1", "B=2"])
            #expect(left("libm.so.6:" + own) == ["A=1", "LD_PRELOAD=libm.so.6", "B=2"])
            #expect(left("libm.so.6") == ["A=1", "LD_PRELOAD=libm.so.6", "B=2"])
        }

        @Test func librariesOfTheUsersOwnArePreloadedToo() throws {
            let found = try MachineCommandTests.process(["doctor"], environment: ["LD_PRELOAD": "libm.so.6"])
            #expect(found.status == 0 && found.errors.isEmpty && found.output.contains("libtorch"))
        }
    }
#endif
