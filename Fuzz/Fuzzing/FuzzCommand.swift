import Foundation

/// The command line of the fuzzer.
package enum FuzzCommand {
    private static let usage = """
        fuzz [--inputs N] [--seed N] [--only NAMES] [--jobs N] [--corpus FOLDER] [--failures FOLDER]
            gives N changed inputs (by default 100,000), spread over all readers, in child processes; one that ends by a
            signal, takes more than 1 s or 1 GiB, or contradicts itself is made small and kept
        fuzz --repeat NAME FILE
            gives one input, as the line beside a kept input says
        fuzz --verdicts NAME [--inputs N] [--seed N]
            writes inputs with whether they are accepted: length (4 bytes, little-endian), bytes, 0 or 1
        fuzz --walk FILE --answers FILE
            runs the command lines of a JSON file in this process, and writes the status and the output of each

        """

    /// Runs the command; returns the status of the process: 1 for failing inputs, 64 for wrong arguments.
    package static func main(_ arguments: [String]) -> CInt {
        var options: [String: String] = [:]
        var rest: [String] = []
        var position = 0
        while position < arguments.count {
            let argument = arguments[position]
            if argument.hasPrefix("--"), position + 1 < arguments.count {
                options[String(argument.dropFirst(2))] = arguments[position + 1]
                position += 1
            } else {
                rest.append(argument)
            }
            position += 1
        }
        let corpus = options["corpus"] ?? "Fuzz/Corpus"
        guard let inputs = UInt64(options["inputs"] ?? "100000"), let seed = UInt64(options["seed"] ?? "1"),
            let jobs = Int(options["jobs"] ?? "2"), jobs > 0
        else { return refuse() }
        do {
            if let name = options["repeat"], let file = rest.first, let fuzzed = reader(name) {
                return FuzzChild.repeatInput([UInt8](try Data(contentsOf: URL(filePath: file))), of: fuzzed)
            }
            if let name = options["verdicts"], let fuzzed = reader(name) {
                try verdicts(fuzzed, try FuzzInputs(of: fuzzed, corpus: corpus, seed: seed), count: inputs)
                return 0
            }
            if let name = options["child"], let fuzzed = reader(name), let board = options["board"] {
                let source = try FuzzInputs(of: fuzzed, corpus: corpus, seed: seed)
                guard let first = UInt64(options["from"] ?? ""), let end = UInt64(options["to"] ?? "") else {
                    return refuse()
                }
                return FuzzChild.run(fuzzed, source, first..<end, board: try FuzzBoard(path: board))
            }
            if let file = options["walk"], let answers = options["answers"] {
                try CommandWalk.run(file, answers: answers)
                return 0
            }
            guard rest.isEmpty,
                options.keys.allSatisfy({
                    ["inputs", "seed", "only", "jobs", "corpus", "failures"].contains($0)
                })
            else { return refuse() }
            let names =
                options["only"].map { $0.split(separator: ",").map(String.init) } ?? Fuzzed.all.map(\.name)
            let chosen = names.compactMap(reader)
            guard chosen.count == names.count else { return refuse() }
            let run = FuzzRun(
                readers: chosen, inputs: inputs, seed: seed, jobs: jobs, corpus: corpus,
                failures: options["failures"] ?? "Fuzz/Failures")
            return try run() ? 0 : 1
        } catch {
            FileHandle.standardError.write(Data("fuzz: \(error)\n".utf8))
            return 70
        }
    }

    private static func reader(_ name: String) -> Fuzzed? { Fuzzed.all.first { $0.name == name } }

    private static func refuse() -> CInt {
        FileHandle.standardError.write(
            Data((usage + "readers: " + Fuzzed.all.map(\.name).joined(separator: ", ") + "\n").utf8))
        return 64
    }

    private static func verdicts(_ fuzzed: Fuzzed, _ inputs: FuzzInputs, count: UInt64) throws {
        var output: [UInt8] = []
        for number in 0..<count {
            let bytes = inputs[number]
            output += withUnsafeBytes(of: UInt32(bytes.count).littleEndian) { Array($0) } + bytes
            output.append(try fuzzed.read(bytes) ? 1 : 0)
            if output.count > 1 << 20 || number + 1 == count {
                try FileHandle.standardOutput.write(contentsOf: output)
                output = []
            }
        }
    }
}

/// Writes a line at once, so that it is seen while the fuzzer runs.
func say(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }
