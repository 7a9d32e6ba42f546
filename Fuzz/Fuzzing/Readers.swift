import Fisher
import FisherCommand
import FisherInference
import FisherReports
import FisherStudies
import FisherTables
import FisherTasks
import FisherTraining
import Foundation
import Torch

extension Fuzzed {
    /// Every reader of the product.
    package static let all: [Fuzzed] = [
        safetensors, json, network, toml, configuration, schedule, optimizer, grid, manifest, state, results,
        run, status, hierarchy, landscape, continual, claim,
        inspection, information, table, idx, arrays, wave, transcript, recordings, tokenizer, merges, gpt2,
        shards, layers,
        stateDictionary,
    ]

    private static let jsonTokens = [
        "{}", "[]", "\"\"", "\"a\":1,", "\\u0000", "\\ud800", "\\ud83d\\ude00", "\\x", "NaN", "Infinity",
        "-Infinity", "1e5", "\"formatVersion\":2,",
        "/*", "//", "\"label\"", "\u{0}",
    ]

    /// A whole file, with as many bytes behind the header as fit or do not fit.
    static let safetensors = Fuzzed(
        "safetensors", weight: 200,
        tokens: jsonTokens + [
            "\"dtype\":", "\"shape\":", "\"data_offsets\":", "\"__metadata__\":", "\"F32\"", "\"BF16\"",
            "\"I64\"", "\"BOOL\"", "\"F4\"", "[0,0]", "[4,8]", "[8,4]", "[2,2]",
        ],
        repair: { bytes, generator in
            // Three quarters have the length of their header right, half of these that of the data too.
            guard bytes.count >= 8, generator.uniform(below: 4) > 0 else { return bytes }
            let end = bytes[8...].lastIndex(of: UInt8(ascii: "}")).map { $0 + 1 } ?? bytes.count
            let length = withUnsafeBytes(of: UInt64(end - 8).littleEndian) { Array($0) }
            let header = String(decoding: bytes[8..<end], as: UTF8.self)
            let ends = header.matches(of: #/,(\d{1,4})\]/#).compactMap { Int($0.1) }
            guard generator.uniform(below: 2) > 0, let count = ends.max() else { return length + bytes[8...] }
            return length + bytes[8..<end] + Array(repeating: 0, count: count)
        },
        read: { bytes in
            let path = try FuzzFile.write(bytes)
            defer { unlink(path) }
            let file: SafetensorsFile
            do throws(SafetensorsError) { file = try SafetensorsFile(path: path) } catch {
                _ = "\(error)"
                return false
            }
            for entry in file.tensors {
                try FuzzFailure.require(
                    try file.readBytes(of: entry.name).count == entry.byteCount, "a tensor lacks bytes")
            }
            return true
        })

    static let json = Fuzzed("json", weight: 300, tokens: jsonTokens) { bytes in
        do throws(StrictJSON.Fault) { try StrictJSON.check(bytes) } catch {
            _ = "\(error)"
            return false
        }
        return true
    }

    /// The description of a network; one that is accepted is the same when it is written and read again.
    static let network = Fuzzed(
        "network", weight: 100,
        tokens: jsonTokens + [
            "\"relu\"", "{\"linear\":[2,3]}", "{\"conv2d\":{\"in\":1,\"out\":2,\"kernel\":3}}",
            "\"kernel\":0", "\"flatten\"", "{\"residual\":[\"tanh\"]}", "{\"sequential\":[]}",
            "{\"dropout\":0.5}", "{\"causal_self_attention\":[4,2]}", "{\"gaussian\":{\"variance\":2}}",
            "{\"two_hot\":[0,1]}", "\"logit_laplace\"", "1e999",
        ]
    ) { bytes in
        let found: NetworkSpecification
        do throws(NetworkSpecificationError) { found = try NetworkSpecification(json: Data(bytes)) } catch {
            try FuzzFailure.require(
                "\(error)".utf8.count < 2000, "a message of \("\(error)".utf8.count) bytes")
            return false
        }
        for shape in [[2, 8], [3, 1, 8, 8], [1, 2, 5]] { _ = try? found.outputShape(for: shape) }
        do throws(LikelihoodError) {
            let likelihood = try LikelihoodRegistry.likelihood(of: found)
            _ = likelihood.text
        } catch { _ = "\(error)" }
        let again = try NetworkSpecification(json: try JSONEncoder().encode(found))
        try FuzzFailure.require(again == found, "a network is another one when it is read again")
        return true
    }

    private static let tomlTokens = [
        "[[", "]]", "\"\"\"", "'''", "[training]", "[optimizer]", "[a.b]", "a.b = 1\n", "a = { b = 1 }\n",
        "0x1F", "0b1", "1e400",
        "inf", "-nan", "1__0", "1979-05-27", "\\u00e9", "\\ud800", "\\\n", "\"kfac\"",
        "\"sequence(0.1, 5, 1)\"", "rule",
        "steps = 5\n",
    ]

    static let toml = Fuzzed("toml", weight: 100, tokens: tomlTokens) { try layer($0) != nil }

    /// A configuration of both tasks; what is printed of it gives it again.
    static let configuration = Fuzzed("configuration", weight: 6, corpus: "toml", tokens: tomlTokens) {
        bytes in
        guard let layer = try layer(bytes) else { return false }
        let isOfDigits = try use(layer, for: DigitsTask.self)
        let isOfLanguage = try use(layer, for: LanguageTask.self)
        return isOfDigits || isOfLanguage
    }

    private static func layer(_ bytes: [UInt8]) throws -> ConfigurationLayer? {
        do throws(ConfigurationError) { return try ConfigurationLayer(toml: bytes, path: "c.toml") } catch {
            try FuzzFailure.require(
                "\(error)".utf8.count < 200_000, "a message of \("\(error)".utf8.count) bytes")
            return nil
        }
    }

    private static func use<Task: ConfigurableTask>(_ layer: ConfigurationLayer, for task: Task.Type) throws
        -> Bool
    {
        let found: ResolvedConfiguration<Task.Options>
        do throws(ConfigurationError) {
            found = try ResolvedConfiguration(Task.presets.prefix(1).map(\.layer) + [layer])
        } catch {
            _ = "\(error)"
            return false
        }
        let again = try ResolvedConfiguration<Task.Options>([
            try ConfigurationLayer(toml: Array(found.explained.utf8), path: "again.toml")
        ])
        try FuzzFailure.require(
            again.toml == found.toml, "a configuration is another one when it is read again")
        _ = try? found.value.optimizer.candidate(steps: found.value.training.steps).rule.learningRate(1)
        return true
    }

    /// A schedule; its description is read as the same one.
    static let schedule = Fuzzed(
        "schedule", weight: 150,
        tokens: [
            "cosine(", "sequence(", "linear_warm_up(", "inverse_square_root(", "warm_up_stable_decay(",
            "peak=", "steps=", "warm_up=", "decay=", "floor=", "1e400", "0x1p3",
        ]
    ) { bytes in
        guard let found = Schedule(String(decoding: bytes, as: UTF8.self)) else { return false }
        for update in [1, 2, 1000, 1 << 40] {
            _ = found(update)
            _ = found.scaled(toPeak: 2)(update)
        }
        let numbers = found.extremes
        let again = Schedule("\(found)")
        try FuzzFailure.require(
            again == found || numbers.contains { $0.isNaN }, "a schedule is another one when it is read again"
        )
        return true
    }

    static let optimizer = Fuzzed(
        "optimizer", weight: 20,
        tokens: RuleRegistry.rules.map { $0.summary.name } + [
            ":", ",", "=", "beta1=", "beta2=", "learning_rate=", "clip_gradient_norm=", "clip_fisher_norm=",
            "cosine(peak=1,steps=5)", "none", "rank=", "source=exact",
        ]
    ) { bytes in
        guard let found = OptimizerSpecification(argument: String(decoding: bytes, as: UTF8.self)) else {
            return false
        }
        _ = found.defaultValueDescription
        do {
            _ = try found.candidate(sharing: [("weight_decay", "0.1")], clip: nil).rule.learningRate(1)
        } catch { _ = "\(error)" }
        return true
    }

    static let grid = Fuzzed(
        "grid", weight: 100, tokens: ["=", ",", ".", "learning_rate", "fadam", "adamw.beta2"]
    ) { bytes in
        GridArgument(argument: String(decoding: bytes, as: UTF8.self)) != nil
    }

    /// The list of a checkpoint's files; half of the changed ones have a check of their own contents.
    static let manifest = Fuzzed(
        "manifest", weight: 50,
        tokens: ["step ", "end ", "model.safetensors", "swift-fisher checkpoint 1\n"],
        repair: { bytes, generator in
            guard generator.uniform(below: 2) > 0,
                let last = bytes.dropLast().lastIndex(of: UInt8(ascii: "\n"))
            else { return bytes }
            let digits = String(CRC32C.of(bytes[...last]), radix: 16)
            let check = String(repeating: "0", count: 8 - digits.count) + digits
            return bytes[...last] + Array("end \(check)\n".utf8)
        },
        read: { CheckpointManifest(String(decoding: $0, as: UTF8.self)) != nil })

    /// What `state.json` holds of its own: progress, and the positions in data.
    static let state = Fuzzed("state", weight: 5, tokens: jsonTokens) { bytes in
        guard let found = try? StoredJSON.decode(SavedState.self, from: Data(bytes)) else { return false }
        if found.progress.complaint(at: found.progress.step) != nil { return false }
        // The order of the examples takes memory by their number, which a run compares with its own before.
        if var shuffled = found.batches, shuffled.count <= 1 << 16 { for _ in 0..<3 { _ = shuffled.next() } }
        return true
    }

    private struct SavedState: Decodable {
        let progress: RunProgress
        let batches: ShuffledIndices?
        let sampler: ByteSampler?
    }

    static let results = Fuzzed("results", weight: 1, tokens: jsonTokens) { bytes in
        try study(OptimizerComparison.self, bytes) { found in
            let summary = ComparisonSummary(of: found)
            _ =
                summary.text(width: 80) + summary.text(width: 20, usesColor: true) + summary.text()
                + summary.tuningText()
        }
    }

    static let hierarchy = Fuzzed("hierarchy", weight: 2, tokens: jsonTokens) {
        try study(HierarchyComparison.self, $0)
    }

    static let landscape = Fuzzed("landscape", weight: 2, tokens: jsonTokens) {
        try study(LandscapeStudy.self, $0)
    }

    static let claim = Fuzzed("claim", weight: 2, tokens: jsonTokens) {
        try study(ClaimDocument.self, $0)
    }

    static let continual = Fuzzed("continual", weight: 2, tokens: jsonTokens) {
        try study(ContinualComparison.self, $0)
    }

    static let inspection = Fuzzed("inspection", weight: 2, tokens: jsonTokens) { bytes in
        try read(InspectionDocument.self, bytes) != nil
    }

    /// What an information file says of itself; one that is accepted is the same when it is written and read again.
    static let information = Fuzzed(
        "information", weight: 20,
        tokens: jsonTokens + [
            "\"version\":1", "\"sampled(2)\"", "\"parts\":[]", "\"units\":-1", "\"seed\":null",
        ]
    ) { bytes in
        let found: InformationHeader
        do throws(InformationFileError) { found = try InformationHeader(json: bytes) } catch {
            try FuzzFailure.require(
                "\(error)".utf8.count < 2000, "a message of \("\(error)".utf8.count) bytes")
            return false
        }
        try FuzzFailure.require(
            try InformationHeader(json: try found.json().utf8) == found,
            "a header is another one when it is read again")
        return found.unitCount >= 0 && found.observationCount > 0
    }

    static let run = Fuzzed("run", weight: 2, tokens: jsonTokens) { bytes in
        let found: RunDocument
        do { found = try RunDocument(json: bytes) } catch {
            _ = StoredJSON.reason(error)
            return false
        }
        // Two runs of a comparison are those of two seeds in two folders, which must be there.
        var other = found
        other.record.seed &+= 1
        let runs = [
            (directory: RunDirectory(path: "/"), document: found),
            (directory: RunDirectory(path: "/tmp"), document: other),
        ]
        for order in RunTable.Order.allCases {
            let rows = runs.map {
                RunListing.Run(
                    directory: $0.directory, document: $0.document, state: "completed", marks: RunMarks(),
                    study: nil)
            }
            _ = RunTable(rows, by: order).text(keys: ["optimizer.rule"])
        }
        _ = try OptimizerComparison(runs).report()
        _ = RunDifference(of: found, and: other).text("a", "b")
        return true
    }

    /// A tokenizer; whatever text is encoded by it is decoded again.
    static let tokenizer = Fuzzed(
        "tokenizer", weight: 20,
        tokens: jsonTokens + [
            "\"BPE\"", "\"ByteLevel\"", "null", "\"lstrip\": true,", "[\"a\",\"b\"]", "\"a b\"", "\u{120}",
            "\"Sequence\"", "99999999", "\"normalizer\":",
        ]
    ) { bytes in
        try roundTrip { () throws(StorageError) in try BytePairTokenizer(json: bytes, path: "tokenizer.json")
        }
    }

    /// The list of merges beside a vocabulary of the bytes and a few pairs.
    static let merges = Fuzzed(
        "merges", weight: 50, tokens: ["#version", "h e", "\u{120} t", "\n", "\r\n", " ", "\u{120}"]
    ) { bytes in
        try roundTrip { () throws(StorageError) in
            try BytePairTokenizer(vocabulary: smallVocabulary, merges: bytes, path: "merges.txt")
        }
    }

    private static let smallVocabulary = BytePairTokenizer.vocabulary(adding: [
        "he", "\u{120}t", "\u{120}the", "\u{120}s", "at", "\u{120}i", "in", "is",
    ])

    private static func roundTrip(_ read: () throws(StorageError) -> BytePairTokenizer) throws -> Bool {
        let found: BytePairTokenizer
        do throws(StorageError) { found = try read() } catch {
            try FuzzFailure.require(
                "\(error)".utf8.count < 2000, "a message of \("\(error)".utf8.count) bytes")
            return false
        }
        let text = Array("The theist isn't  on\n\tthe 12 heath\u{E9} \u{1F600}<|endoftext|>".utf8)
        let decoded = found.decode(found.encode(text))
        // A space may have been put before it, and behind a special token.
        try FuzzFailure.require(
            decoded.filter { $0 != 0x20 } == text.filter { $0 != 0x20 }, "a text is decoded as another one")
        return true
    }

    /// The status of a study and the marks of a run. Their checks are made right, or nothing would come behind them.
    static let status = Fuzzed("status", weight: 20, tokens: jsonTokens + ["\"kind\":\"pilot\""]) { bytes in
        let opening = Data("{\n".utf8)
        let data = bytes.starts(with: opening) ? StoredJSON.sealed(Data(bytes)) : Data(bytes)
        let status = try? StudyStatus(json: data, path: "study.json")
        let marks = try? RunMarks(json: data, path: "marks.json")
        return status != nil || marks != nil
    }

    /// A table; formulas and expressions of its names are read too.
    static let table = Fuzzed(
        "table", weight: 100,
        tokens: ["\"", "\"\"", ",", ";", "\t", "\r\n", "\n", "NA", "1e400", "y ~ a:b - 1", "log(", "`"]
    ) { bytes in
        let found: Table
        do throws(TableError) { found = try TableReader().table(of: bytes, path: "t.csv") } catch {
            try FuzzFailure.require(
                "\(error)".utf8.count < 20_000, "a message of \("\(error)".utf8.count) bytes")
            return false
        }
        for column in found.columns {
            try FuzzFailure.require(column.texts.count == found.rowCount, "a column lacks rows")
            if found.rowCount < 1000 { _ = column.levels }
            _ = try? Formula(column.name)
            _ = try? Expression(column.name)
        }
        return true
    }

    private static func study<Study: ReportedStudy>(
        _ type: Study.Type, _ bytes: [UInt8], use: (Study) -> Void = { _ in }
    ) throws -> Bool {
        guard let found = try read(type, bytes) else { return false }
        use(found)
        let page = found.report()
        try FuzzFailure.require(page.hasSuffix("</html>\n"), "a page without an end")
        return true
    }

    /// Reads a study, makes all of its texts, and reads again what is written of it.
    private static func read<Study: StudyDocument>(_ type: Study.Type, _ bytes: [UInt8]) throws -> Study? {
        let found: Study
        do throws(StudyFileError) { found = try Study(json: Data(bytes), path: "results.json") } catch {
            try FuzzFailure.require(
                "\(error)".utf8.count < 40_000, "a message of \("\(error)".utf8.count) bytes")
            return nil
        }
        _ = found.text() + found.text(width: 40, usesColor: true) + found.csv() + found.markdown()
        let json = found.json()
        try FuzzFailure.require(
            try Study(json: json, path: "again.json").json() == json,
            "a study is another one when it is read again")
        return found
    }
}

/// The file of the readers that take a path, one for each thread: tests run side by side.
enum FuzzFile {
    private static var path: String {
        NSTemporaryDirectory() + "fisher-fuzz-\(getpid())-\(UInt(bitPattern: Int(pthread_self()))).bin"
    }

    /// Writes the file; returns its path.
    static func write(_ bytes: [UInt8]) throws -> String {
        let path = path
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw FuzzFailure("\(path) cannot be written") }
        defer { close(descriptor) }
        guard Foundation.write(descriptor, bytes, bytes.count) == bytes.count else {
            throw FuzzFailure("\(path) cannot be written")
        }
        return path
    }
}
