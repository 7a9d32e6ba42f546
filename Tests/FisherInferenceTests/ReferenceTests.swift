import FisherInference
import FisherTables
import Foundation
import Testing

/// Estimates, covariances, tests and intervals beside those of R and of statsmodels, to six digits.
///
/// `Reference/inference.R` and `Reference/inference.py` wrote the answers.
@Suite struct ReferenceTests {
    struct Case: Decodable, CustomTestStringConvertible, Sendable {
        struct Options: Decodable, Sendable {
            var link, weights, weight_kind, trials, offset, cluster, dispersion: String?
            var levels: [String: [String]]?
        }
        struct Answers: Decodable, Sendable {
            var log_likelihood, aic, bic, dispersion, tolerance, profile_tolerance: Double?
            var estimates: [Double]
            var errors: [String: [Double]]
            var probabilities: [String: [Double]]?
            var intervals: [String: [[Double]]]?
            var profile, profile_slopes: [[Double]]?
            var whole: [String: [Double]]?
            var drop: [String: [String: [Double]]]?
            var robust_wald: [String: [String: [Double]]]?
        }
        let name, data, formula, family: String
        let options: Options
        let answers: Answers
        var testDescription: String { name }
    }
    private struct Cases: Decodable { let cases: [Case] }

    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures/inference")

    static let cases: [Case] = ["r.json", "statsmodels.json"].flatMap { name -> [Case] in
        guard let data = try? Data(contentsOf: folder.appending(path: name)),
            let found = try? JSONDecoder().decode(Cases.self, from: data)
        else { return [] }
        return found.cases
    }

    static func fit(_ found: Case) throws -> LikelihoodFit<RegressionModel> {
        var options = ModelSpecification.Options()
        options.formula = found.formula
        options.family = try #require(ModelFamily(rawValue: found.family))
        options.link = found.options.link.flatMap(Link.init)
        options.trials = found.options.trials
        options.offset = found.options.offset
        options.weights = found.options.weights
        options.weightKind = found.options.weight_kind.flatMap(WeightKind.init) ?? .frequency
        options.cluster = found.options.cluster
        options.levels = found.options.levels ?? [:]
        switch found.options.dispersion {
        case "estimate"?: options.dispersion = .learned
        case let value?: options.dispersion = .known(try #require(Double(value)))
        case nil: break
        }
        let table = try TableReader().table(of: [folder.appending(path: found.data).path])
        let specification = try ModelSpecification(options, table: table)
        return try LikelihoodFit(specification.model(of: table, dropsMissing: false).model)
    }

    @Test func theCasesAreFound() {
        #expect(Self.cases.count >= 20)
        #expect(Set(Self.cases.map(\.family)) == Set(ModelFamily.allCases.map(\.rawValue)))
    }

    @Test(arguments: cases)
    func agrees(_ found: Case) throws {
        let fit = try Self.fit(found)
        let answers = found.answers
        func expect(
            _ ours: Double, _ theirs: Double, _ what: String, _ tolerance: Double = 1e-6,
            location: SourceLocation = #_sourceLocation
        ) {
            #expect(
                abs(ours - theirs) <= tolerance * max(abs(theirs), 1e-12), "\(what): \(ours) for \(theirs)",
                sourceLocation: location)
        }
        func expect(_ ours: [Double], _ theirs: [Double], _ what: String, _ tolerance: Double = 1e-6) {
            #expect(ours.count == theirs.count, "\(what)")
            for (k, (a, b)) in zip(ours, theirs).enumerated() { expect(a, b, "\(what) \(k)", tolerance) }
        }
        let tolerance = answers.tolerance ?? 1e-6
        expect(fit.point, answers.estimates, "estimate", tolerance)
        if let value = answers.log_likelihood { expect(fit.logLikelihood, value, "log-likelihood") }
        if let value = answers.aic { expect(fit.aic, value, "AIC") }
        if let value = answers.bic { expect(fit.bic, value, "BIC") }
        if let value = answers.dispersion { expect(fit.dispersion, value, "dispersion") }

        func covariance(_ key: String) throws -> (kind: CovarianceKind, matrix: DenseMatrix) {
            let parts = key.split(separator: "_").map(String.init)
            let kind = try #require(CovarianceKind(rawValue: parts[0]))
            let factor = parts.count > 1 ? try #require(SmallSampleFactor(rawValue: parts[1])) : .full
            return (kind, try fit.covariance(kind, factor: factor))
        }
        for (key, errors) in answers.errors {
            let found = try covariance(key).matrix.diagonal.map { $0.squareRoot() }
            expect(found, errors, "\(key) error", tolerance)
        }
        for (key, values) in answers.probabilities ?? [:] {
            let (kind, matrix) = try covariance(key)
            let reference = fit.reference(kind)
            let ours = fit.names.indices.map { reference.tail(fit.point[$0] / matrix[$0, $0].squareRoot()) }
            expect(ours, values, "\(key) p", 1e-5)
        }
        for (key, values) in answers.intervals ?? [:] {
            let (kind, matrix) = try covariance(key)
            let z = fit.reference(kind).quantile(tail: 0.05)
            expect(
                fit.names.indices.map { fit.point[$0] - z * matrix[$0, $0].squareRoot() },
                values.map { $0[0] },
                "\(key) lower")
            expect(
                fit.names.indices.map { fit.point[$0] + z * matrix[$0, $0].squareRoot() },
                values.map { $0[1] },
                "\(key) upper")
        }

        let standard = try fit.covariance(.standard)
        func expect(_ tests: [HypothesisTest], _ theirs: [String: [Double]], _ what: String) throws {
            for (name, answer) in theirs {
                let kind = ["lr": .likelihoodRatio, "score": .score, "wald": HypothesisTest.Kind.wald][name]
                let ours = try #require(tests.first { $0.kind == kind })
                expect(ours.statistic, answer[0], "\(what) \(name)", max(tolerance, 2e-6))
                expect(ours.probability, answer[1], "\(what) p of \(name)", max(5 * tolerance, 1e-5))
            }
        }
        if let whole = answers.whole {
            try expect(
                fit.tests(dropping: fit.model.slopes, covariance: standard, kind: .standard), whole, "whole")
        }
        func parameters(_ term: String) throws -> [Int] {
            let name = term.hasPrefix("C(") ? String(term.dropFirst(2).dropLast()) : term
            let columns = try #require(fit.model.design.terms.first { $0.name == name }).columns
            return fit.model.parameters(ofColumns: columns)
        }
        for (term, theirs) in answers.drop ?? [:] {
            try expect(
                fit.tests(dropping: try parameters(term), covariance: standard, kind: .standard), theirs, term
            )
        }
        for (term, robust) in answers.robust_wald ?? [:] {
            let dropped = try parameters(term)
            let rows = dropped.map { index in fit.names.indices.map { $0 == index ? 1.0 : 0 } }
            for (key, answer) in robust {
                let (kind, matrix) = try covariance(key)
                let test = try fit.waldTest(
                    rows, values: rows.map { _ in 0 }, covariance: matrix, kind: kind)
                expect(test.statistic, answer[0], "\(term) \(key)")
                expect(test.probability, answer[1], "p of \(term) \(key)", 1e-5)
            }
        }
        for (index, ends) in (answers.profile ?? answers.profile_slopes ?? []).enumerated() {
            let function = fit.names.indices.map { $0 == index ? 1.0 : 0 }
            let ours = try fit.profileInterval(of: function, level: 0.95)
            // R interpolates its profile by a spline.
            let tolerance = answers.profile_tolerance ?? 2e-6
            expect(ours.lower, ends[0], "profile lower \(index)", tolerance)
            expect(ours.upper, ends[1], "profile upper \(index)", tolerance)
        }
    }
}
