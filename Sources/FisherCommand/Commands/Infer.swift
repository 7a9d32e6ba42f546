import ArgumentParser
import Fisher
import FisherInference
import FisherTables
import FisherTasks
import FisherTraining
import Foundation

/// `fisher infer`: estimates with their uncertainty, from a table or a small network.
struct Infer: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "infer",
        abstract: "Fit a model to a table and print estimates, standard errors, tests and intervals.",
        discussion: """
            The table is one or several CSV files with a header; several are read as one. Columns of numbers are \
            predictors as they are; others are categories, whose first level is the reference (--levels gives the order). \
            In a formula a:b is an interaction, a*b stands for a + b + a:b, . for all other columns, - 1 leaves the \
            intercept out, C(a) makes numbers a category, and log(a) or I(a^2) are computed.

            fisher infer cars.csv --formula "mpg ~ weight + C(cylinders)"
            fisher infer trials.csv --formula "cured ~ dose * sex" --family binomial --drop-each --profile
            fisher infer visits.csv --formula "visits ~ age + region" --family poisson --offset "log(years)" --cluster clinic
            fisher infer survey.csv --formula "grade ~ age" --family ordinal --levels grade=low,middle,high

            Without --covariance, an information-matrix test decides whether standard errors suppose the model: draws from \
            the fitted model say how far apart its two informations are by chance. Where it rejects the model, the \
            sandwich covariance is taken. --cluster takes the one by clusters.

            Parts of a table that may not be put together: each is summed at one point, and the sums are merged into the \
            next one, until the step is short.

            fisher infer a.csv --formula "y ~ x" --family binomial --save-point point.json
            fisher infer a.csv --point point.json --save-statistics a.part
            fisher infer b.csv --point point.json --save-statistics b.part
            fisher infer --merge a.part b.part --save-point point.json

            --model, --weights, --inputs and --targets take a small network instead, as fisher information does; --fit \
            first maximizes its likelihood.
            """)

    @Argument(help: "CSV files, or with --merge files of statistics.")
    var files: [String] = []

    @OptionGroup(title: "Model") var model: InferModelArguments
    @OptionGroup(title: "Inference") var inference: InferenceArguments
    @OptionGroup(title: "Parts") var parts: InferPartArguments
    @OptionGroup(title: "Network") var network: InferNetworkArguments

    @Flag(help: "Print JSON.")
    var json = false
    @Flag(help: "Print the estimates as comma-separated values.")
    var csv = false

    func validate() throws {
        if json, csv { throw ValidationError("--json and --csv are two formats: take one.") }
        try inference.check()
        if network.isGiven {
            guard network.isComplete else {
                throw ValidationError("--model, --weights, --inputs and --targets belong together.")
            }
            guard files.isEmpty, model.formula == nil, parts.isEmpty else {
                throw ValidationError(
                    "--model takes a network instead of a table: leave out files and --formula.")
            }
            guard model.cluster == nil, inference.covariance != .kind(.cluster) else {
                throw ValidationError("--cluster is a column of a table, and a network has none.")
            }
            return
        }
        if files.isEmpty {
            throw ValidationError("fisher infer needs the CSV files of a table, or a network with --model")
        }
        if network.fit { throw ValidationError("--fit is for --model; a table's model always is fitted.") }
        if parts.merge {
            guard model.formula == nil, parts.point == nil, parts.saveStatistics == nil else {
                throw ValidationError("--merge takes the model and the point from its files.")
            }
            guard !inference.profile, !inference.dropEach, inference.drop.isEmpty else {
                throw ValidationError("--profile and --drop need the data, which --merge does not have.")
            }
        } else if parts.point != nil {
            guard model.formula == nil, parts.saveStatistics != nil, parts.savePoint == nil else {
                throw ValidationError("--point has the model, and belongs to --save-statistics.")
            }
        } else {
            guard model.formula != nil else {
                throw ValidationError("a table needs --formula, such as --formula \"y ~ x + group\"")
            }
            guard model.cluster != nil || inference.covariance != .kind(.cluster) else {
                throw ValidationError(
                    "--covariance cluster needs the column of the clusters: --cluster COLUMN")
            }
            guard parts.saveStatistics == nil else {
                throw ValidationError("--save-statistics needs --point, the same for every part.")
            }
        }
    }

    func run() throws {
        let lists = ["FILE": files]
        try requireApart(
            ["--save-point": parts.savePoint, "--save-statistics": parts.saveStatistics],
            from: ["--point": parts.point], lists: lists, replacing: [:])
        for path in [parts.savePoint, parts.saveStatistics].compactMap(\.self) { try FileWriter.check(path) }
        if network.isGiven { return try show(networkDocument()) }
        if parts.merge { return try merge() }
        let table = try TableReader().table(of: files)
        if let path = parts.point { return try sum(table, at: path) }

        let specification = try ModelSpecification(model.options(), table: table)
        let found = try TableInference(specification, table: table, dropsMissing: model.missing == .drop)
        if let path = parts.savePoint {
            try ShardStatistics.Point(
                specification: specification, parameters: found.fit.point, names: found.fit.names
            ).save(to: path)
        }
        let cost = Double(found.rowCount) * pow(Double(found.fit.names.count), 2)
        try show(
            found.document(
                inference.request(), dropping: inference.drop, dropsEach: inference.dropEach,
                progress: progress(isLong: cost > 2e6)))
    }

    /// Tells every tenth draw where a draw takes long.
    private func progress(isLong: Bool) -> (Int) throws -> Void {
        let all = inference.replicates
        return { done in
            if isLong, done % max(1, all / 10) == 0 {
                warn("information-matrix test: \(done) of \(all) draws")
            }
        }
    }

    private func sum(_ table: Table, at path: String) throws {
        let point = try ShardStatistics.Point(path: path)
        let (part, dropped) = try point.specification.model(of: table, dropsMissing: model.missing == .drop)
        let names = try point.specification.cluster.map { try table.column($0).levels }
        let sources = try files.map { try FileReader($0).contents(limit: .max) }.map {
            CRC32C.of($0).hexadecimal
        }
        let statistics = try ShardStatistics(
            part, at: point, clusterNames: names, sources: sources, rows: table.rowCount - dropped,
            dropped: dropped)
        guard let output = parts.saveStatistics else { return }
        try statistics.save(to: output)
        say("statistics of \(table.rowCount - dropped) rows: \(output)")
    }

    private func merge() throws {
        let statistics = try ShardStatistics(merging: files)
        let merged = MergedModel(statistics)
        let (next, length) = try merged.next()
        if let path = parts.savePoint {
            var point = statistics.point
            point.parameters = next
            try point.save(to: path)
        }
        let isDone = length <= 1e-6
        guard isDone || parts.savePoint == nil else {
            say(
                String(
                    format:
                        "the step is %.3g standard errors long: sum every part again at the new point, until it is at most 1e-6",
                    length))
            return
        }
        var request = inference.request()
        request.replicates = 0
        var document = try merged.fit().document(
            request, title: statistics.point.specification.title, canRefit: false)
        document.rows = statistics.rows
        document.dropped = statistics.dropped
        document.notes = statistics.point.specification.notes
        if !isDone {
            document.notes.append(
                String(
                    format:
                        "one step from the parts' point, %.3g standard errors long: approximate; --save-point and another round make it exact",
                    length))
        }
        try show(document)
    }

    private func networkDocument() throws -> InferenceDocument {
        guard let description = network.model, let weights = network.weights, let inputs = network.inputs,
            let targets = network.targets
        else { preconditionFailure("validate() asks for all four") }
        let plain = try PlainNetwork(model: description, weights: weights, dtype: .float64)
        let batch = try plain.batch(inputs: inputs, targets: targets)
        let network = try NetworkModel(plain.network, units: batch.unitCount) { try plain.objective(batch) }
        guard network.parameterNames.count <= 1000 else {
            throw UsageError(
                description:
                    "\(description) has \(network.parameterNames.count) parameters; the whole information matrix is computed for up to 1,000"
            )
        }
        var maximizer = Maximizer()
        maximizer.tolerance = 1e-12
        let maximum: Maximum
        if self.network.fit {
            maximum = try maximizer.maximum(of: network, within: .all(from: network.start))
        } else {
            let found = try network.evaluation(at: network.start)
            let step = try InformationInverse(of: found.expected).inverse * found.score
            let decrement = max(0, dot(step, found.score))
            guard decrement <= 0.01 * Double(network.parameterNames.count) else {
                throw CurvatureError.badObservations(
                    reason: String(
                        format:
                            "the weights are %.3g standard errors from the maximum of the likelihood, where alone the information is a covariance; --fit goes there",
                        decrement.squareRoot()))
            }
            maximum = Maximum(
                point: network.start, evaluation: found, iterations: 0, decrement: decrement)
        }
        let fit = try LikelihoodFit(model: network, maximum: maximum, maximizer: maximizer)
        var document = try fit.document(
            inference.request(), title: "\(description) (\(plain.specification.likelihood))",
            progress: progress(isLong: true))
        document.aic = -2 * fit.logLikelihood + 2 * Double(fit.rank)
        document.bic = -2 * fit.logLikelihood + Double(fit.rank) * log(network.unitCount)
        document.tic = -2 * fit.logLikelihood + 2 * (fit.observed.inverse * fit.unitVariance.matrix).trace
        return document
    }

    private func show(_ document: InferenceDocument) throws {
        if json {
            print(String(decoding: StoredJSON.encode(document), as: UTF8.self), terminator: "")
        } else {
            print(csv ? document.csv() : document.text(), terminator: "")
        }
    }
}
