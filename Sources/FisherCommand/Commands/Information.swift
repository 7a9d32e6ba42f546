import ArgumentParser
import Fisher
import FisherTraining

/// `fisher information`: estimates from files, to compare with other implementations and to merge.
struct Information: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "information",
        abstract: "Estimate the Fisher information of a plain network on your data, and merge estimates.",
        discussion: """
            fisher information --model net.json --weights net.safetensors --inputs x.safetensors \
            --targets y.safetensors --output f.safetensors estimates; its options are those of estimate. Data \
            that several machines hold are estimated by each, and fisher information merge makes the estimate of \
            all of it from the files.
            """,
        subcommands: [InformationEstimate.self, InformationMerge.self, InformationShow.self],
        defaultSubcommand: InformationEstimate.self)
}

/// `fisher information merge`: the estimate of all data from those of its parts.
struct InformationMerge: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "merge",
        abstract: "Merge the estimates of several parts of the data to that of all of it.",
        discussion: """
            The files must be of one network, likelihood, structure and source at the same weights, and of different \
            data; otherwise the first key that differs is named. Eigenvalues (ekfac) can be merged if all were \
            estimated in the same bases: merge the parts' kronecker files first, and give the result to estimate \
            --bases. Leading eigenpairs (low_rank) cannot be merged.
            """)

    @Argument(help: "The files, two or more.")
    var files: [String]
    @Option(help: "Where the merged estimate is written.")
    var output: String
    @Flag(help: "Count data twice that occur in two files, as in a bootstrap sample.")
    var allowRepeats = false

    func validate() throws {
        guard files.count > 1 else {
            throw ValidationError("fisher information merge needs two files or more")
        }
    }

    func run() throws {
        try requireApart(["--output": output], from: [:], lists: ["merge": files])
        try FileWriter.check(output)
        let read = try files.map { (name: $0, file: try InformationFile(path: $0)) }
        let merged: InformationFile
        do {
            merged = try InformationFile.merged(read, allowingRepeats: allowRepeats)
        } catch {
            guard error.isAboutRepeats else { throw error }
            throw InformationRepeats(description: "\(error); --allow-repeats accepts it")
        }
        for seed in InformationFile.repeatedSeeds(read.map(\.file)) {
            warn(
                "several parts drew labels with the seed \(seed), so that their draws are not independent: give each "
                    + "part its own --seed")
        }
        try merged.write(to: output)
        say("\(files.count) files merged to \(output): \(counts(merged.header))")
    }
}

/// `fisher information show`: what a file says of its estimate.
struct InformationShow: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show what an information file is an estimate of.")

    @Argument(help: "A file that estimate or merge wrote.")
    var file: String
    @Flag(help: "Print the description as JSON.")
    var json = false

    func run() throws {
        let header = try InformationFile(path: file).header
        if json {
            print(try header.json())
            return
        }
        let rows = [
            ["structure", header.structure], ["source", "\(header.source)"],
            ["sharing", header.sharing?.rawValue ?? "none"], ["data", counts(header)],
            ["likelihood", header.likelihood], ["dtype", header.dtype], ["network", header.network],
            ["weights", header.weights],
        ]
        let parts = header.parts.map { part in
            let seed = part.seed.map { ", seed \($0)" } ?? ""
            return [
                "part", "\(part.data) (\(part.units) units, \(part.observations) observations\(seed))",
            ]
        }
        print(alignedColumns(rows + parts, hasHeadings: false))
    }
}

/// The numbers of a header in words.
private func counts(_ header: InformationHeader) -> String {
    "\(header.unitCount) units, \(header.observationCount) observations in \(header.parts.count) "
        + (header.parts.count == 1 ? "part" : "parts")
}
