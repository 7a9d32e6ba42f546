import FisherInference
import FisherInformation
import FisherTables
import Foundation
import Testing

@Suite struct FitTests {
    static func table(_ columns: [(String, [String])]) throws -> Table {
        let rows = columns[0].1.indices.map { row in columns.map { $0.1[row] }.joined(separator: ",") }
        let text = ([columns.map(\.0).joined(separator: ",")] + rows).joined(separator: "\n")
        return try TableReader().table(of: Array(text.utf8), path: "t.csv")
    }

    static func fit(
        _ formula: String, _ family: ModelFamily, _ table: Table, weights: String? = nil
    ) throws -> LikelihoodFit<RegressionModel> {
        var options = ModelSpecification.Options()
        (options.formula, options.family, options.weights) = (formula, family, weights)
        let specification = try ModelSpecification(options, table: table)
        return try LikelihoodFit(specification.model(of: table, dropsMissing: false).model)
    }

    static let x = (0..<40).map { Double($0) / 10 - 2 }

    /// All successes lie above 0.35, or on one side of it and at it.
    @Test(arguments: [ModelFamily.binomial, .categorical, .ordinal])
    func separationIsNamed(_ family: ModelFamily) throws {
        let table = try Self.table([
            ("y", Self.x.map { $0 > 0.35 ? "1" : "0" }), ("x", Self.x.map { "\($0)" }),
        ])
        #expect { try Self.fit("y ~ x", family, table) } throws: {
            ($0 as? FitError)?.kind == .separated && "\($0)".contains("along") && "\($0)".contains("x")
        }
    }

    /// A level without a single event.
    @Test(arguments: [ModelFamily.binomial, .poisson])
    func anEmptyCellIsNamed(_ family: ModelFamily) throws {
        let groups = Self.x.indices.map { ["a", "b", "c"][$0 % 3] }
        let table = try Self.table([
            ("y", groups.enumerated().map { $1 == "c" ? "0" : "\(($0 / 3) % 2)" }), ("g", groups),
            ("x", Self.x.map { "\($0)" }),
        ])
        #expect { try Self.fit("y ~ g + x", family, table) } throws: {
            ($0 as? FitError)?.kind == .separated && "\($0)".contains("g[c]")
        }
    }

    /// x + z and a copy w of their sum: three coefficients, two directions.
    @Test func identifiableCombinationsAreEstimated() throws {
        let z = Self.x.map { ($0 * 7).rounded(.down).truncatingRemainder(dividingBy: 3) }
        let y = zip(Self.x, z).enumerated().map { 1 + 2 * $1.0 - $1.1 + Double($0 % 5) / 10 }
        let table = try Self.table([
            ("y", y.map { "\($0)" }), ("x", Self.x.map { "\($0)" }), ("z", z.map { "\($0)" }),
            ("w", zip(Self.x, z).map { "\($0 + $1)" }),
        ])
        let aliased = try Self.fit("y ~ x + z + w", .gaussian, table)
        let full = try Self.fit("y ~ x + z", .gaussian, table)
        #expect(aliased.rank == 3 && abs(aliased.logLikelihood - full.logLikelihood) < 1e-9)
        let found = IdentifiableSubspace(aliased.expected, names: aliased.names)
        #expect(found.undetermined.map(\.description) == ["-x - z + w"])
        #expect(found.determined == [0])
        #expect(found.combinations.map(\.description) == ["x + w", "z + w"])
        let matrix = try aliased.covariance(.sandwich)
        let reference = try full.covariance(.sandwich)
        for (k, combination) in found.combinations.enumerated() {
            #expect(abs(dot(combination.coefficients, aliased.point) - full.point[k + 1]) < 1e-9)
            let (ours, theirs) = (
                matrix.form(combination.coefficients, combination.coefficients), reference[k + 1, k + 1]
            )
            #expect(abs(ours / theirs - 1) < 1e-8)
        }
        #expect(!aliased.expected.determines([0, 1, 0, 0]) && aliased.expected.determines([0, 1, -1, 0]))
        let document = try aliased.document(InferenceRequest(), title: "")
        #expect(document.coefficients.map(\.determined) == [true, false, false, false])
        let tests = try aliased.tests(dropping: [3], covariance: matrix, kind: .standard)
        #expect(tests.isEmpty)
    }

    /// A row of weight w counts as w rows.
    @Test(arguments: ModelFamily.allCases)
    func frequenciesAreRepeatedRows(_ family: ModelFamily) throws {
        let y = Self.x.indices.map { ($0 * 7 + $0 / 5) % 3 % (family == .binomial ? 2 : 3) }
        let counts = Self.x.indices.map { $0 % 3 + 1 }
        func table(_ rows: [Int]) throws -> Table {
            try Self.table([
                ("y", rows.map { "\(y[$0])" }), ("x", rows.map { "\(Self.x[$0])" }),
                ("n", rows.map { "\(counts[$0])" }),
            ])
        }
        let weighted = try Self.fit("y ~ x", family, table(Array(Self.x.indices)), weights: "n")
        let repeated = try Self.fit(
            "y ~ x", family, table(Self.x.indices.flatMap { Array(repeating: $0, count: counts[$0]) }))
        for (a, b) in zip(weighted.point, repeated.point) { #expect(abs(a - b) < 1e-9) }
        #expect(abs(weighted.logLikelihood - repeated.logLikelihood) < 1e-9)
        #expect(abs(weighted.tic - repeated.tic) < 1e-8)
        for kind in [CovarianceKind.standard, .observed, .sandwich] {
            let pairs = zip(try weighted.covariance(kind).values, try repeated.covariance(kind).values)
            for (a, b) in pairs { #expect(abs(a - b) <= 1e-9 * max(1, abs(b))) }
        }
    }

    /// The log-likelihood's differences give the score and the observed information.
    @Test(arguments: ModelFamily.allCases.flatMap { family in family.links.map { (family, $0) } })
    func derivativesAreThoseOfDifferences(_ family: ModelFamily, _ link: Link) throws {
        var draws = RandomDraws(seed: 3)
        let sample = SimulatedPopulation(family: family, isWrong: false).sample(30, using: &draws)
        var point = sample.start
        for j in point.indices { point[j] += 0.05 * Double(j + 1) }
        if link == .identity, family == .poisson { point = [4, 0.3, 0.2] }
        let model = RegressionModel(
            family: family, link: link, dispersion: .known(family == .gaussian ? 1.7 : 1),
            design: sample.design,
            response: sample.response, levels: sample.levels,
            trials: family == .binomial ? sample.response.map { _ in 10 } : nil)
        let found = model.evaluation(at: point)
        let h = 1e-5
        for j in point.indices {
            func shifted(_ by: Double) -> [Double] { sum(point, point.indices.map { $0 == j ? by : 0 }) }
            let slope = (model.logLikelihood(at: shifted(h)) - model.logLikelihood(at: shifted(-h))) / (2 * h)
            #expect(abs(found.score[j] - slope) < 1e-5 * max(1, abs(slope)))
            let (above, below) = (
                model.evaluation(at: shifted(h)).score, model.evaluation(at: shifted(-h)).score
            )
            for k in point.indices {
                let curvature = (below[k] - above[k]) / (2 * h)
                #expect(abs(found.observed[j, k] - curvature) < 1e-5 * max(1, abs(curvature)))
            }
        }
    }

    /// The expected information is the mean of s s^T over draws from the model.
    @Test(arguments: ModelFamily.allCases)
    func informationIsTheVarianceOfScores(_ family: ModelFamily) throws {
        var draws = RandomDraws(seed: 8)
        let population = SimulatedPopulation(family: family, isWrong: false)
        let sample = population.sample(4000, using: &draws)
        let point = try population.truth()
        let expected = sample.evaluation(at: point).expected
        let drawn = try sample.resampled(at: point, using: &draws).unitVariance(at: point).matrix
        let root = try #require(expected.scaledCholesky(tolerance: 1e-9))
        let whitened = root.whitened(drawn)
        for i in point.indices {
            for j in point.indices { #expect(abs(whitened[i, j] - (i == j ? 1 : 0)) < 0.12) }
        }
    }

    /// Overdispersed counts are rejected, and Poisson ones are not.
    @Test(arguments: [false, true])
    func theModelIsTested(_ isWrong: Bool) throws {
        var draws = RandomDraws(seed: 2)
        let model = SimulatedPopulation(family: .poisson, isWrong: isWrong).sample(150, using: &draws)
        let fit = try LikelihoodFit(model)
        let test = try fit.informationMatrixTest(replicates: 99, seed: 1)
        #expect(test.rejects() == isWrong)
        let document = try fit.document(InferenceRequest(), title: "")
        #expect(document.covariance == (isWrong ? .sandwich : .standard))
        // Equal seeds, equal draws.
        #expect(try fit.informationMatrixTest(replicates: 99, seed: 1) == test)
    }

    /// 200 data sets of each family: the band holds 99.9 % of binomial counts at 95 %. `fisher bench coverage` takes 2,000.
    @Test(arguments: ModelFamily.allCases)
    func intervalsCoverTheTruth(_ family: ModelFamily) throws {
        let study = CoverageStudy(SimulatedPopulation(family: family, isWrong: false), rows: 200, sets: 150)
        let found = try study.run()
        #expect(found.fitted == 150)
        for share in found.coverage["standard"] ?? [] { #expect(share > 0.88 && share < 0.999) }
    }

    @Test func missingAndWrongValuesAreNamed() throws {
        func complaint(_ family: ModelFamily, _ values: [String], drops: Bool = false) throws -> String {
            let table = try Self.table([("y", values), ("x", ["1", "2", "4", "3"])])
            do {
                var options = ModelSpecification.Options()
                (options.formula, options.family) = ("y ~ x", family)
                let found = try ModelSpecification(options, table: table).model(
                    of: table, dropsMissing: drops)
                return "dropped \(found.dropped)"
            } catch { return "\(error)" }
        }
        #expect(try complaint(.gaussian, ["1", "", "3", "4"]).hasPrefix("t.csv, line 3: \"y\" is missing"))
        #expect(try complaint(.gaussian, ["1", "NA", "3", "4"], drops: true) == "dropped 1")
        #expect(try complaint(.poisson, ["1", "2", "0.5", "4"]).contains("line 4: \"y\" is 0.5"))
        #expect(try complaint(.binomial, ["1", "2", "0", "0"]).contains("needs 0 or 1"))
        #expect(
            try complaint(.gaussian, ["1", "inf", "3", "4"]).contains("line 3: \"y\" is no finite number"))
        #expect(try complaint(.ordinal, ["a", "b", "a", "b"]).contains("--levels y=a,b"))
    }
}
