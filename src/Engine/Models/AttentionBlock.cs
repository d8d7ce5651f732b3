using FineTuneTool.Engine.Backends;

namespace FineTuneTool.Engine.Models;

/// <summary>
/// Norm, causal attention and residual: out = x + o(attention(rope(q(n)), rope(k(n)), v(n))), n = norm(x), with query heads sharing key heads in groups.
/// </summary>
/// <param name="projections">Queries, keys and values.</param>
internal sealed class AttentionBlock(
    RmsNormLayer norm, Projections projections, RotaryHeads queryHeads, RotaryHeads keyHeads, ResidualOutput output, AttentionShape shape)
{
    public IEnumerable<LinearLayer> Linears => projections.Linears.Append(output.Linear);

    /// <summary>Keys and values of the active adapter before every document.</summary>
    public PrefixStates? Prefix { get; set; }

    public bool Trains => output.Trains || InputTrains || Prefix is { Trains: true };

    private bool InputTrains => norm.Trains || projections.Trains || queryHeads.Trains || keyHeads.Trains;

    /// <summary>x and result (T, C) may be the same rows.</summary>
    public void Forward(Pass pass, LayerActivations saved, Scratch scratch, Tensor x, Tensor result)
    {
        int tokens = pass.Tokens;
        Tensor queries = saved.Query.Take(tokens), keys = saved.Key.Take(tokens), values = saved.Value.Take(tokens), attended = saved.Attended.Take(tokens);
        Project(pass, saved, scratch, x, queries, keys, values);
        pass.Backend.Attention(queries, keys, values, shape, pass.DocumentStarts, attended, saved.LogSumExp.Take(tokens));
        if (Prefix is not null)
        {
            pass.Backend.PrefixAttention(queries, Prefix.Keys, Prefix.Values, shape, pass.Positions, attended, saved.LogSumExp.Take(tokens));
        }

        output.Forward(pass, saved.AttentionOutput, attended, x, result);
    }

    /// <summary>As <see cref="Forward"/> for new rows of one document, whose keys and values are appended to a cache. In place.</summary>
    public void Append(Pass pass, LayerActivations saved, Scratch scratch, Tensor x, KvCache.Layer cache)
    {
        int tokens = pass.Tokens, past = pass.Positions[0];
        Tensor queries = saved.Query.Take(tokens), attended = saved.Attended.Take(tokens);
        Project(pass, saved, scratch, x, queries, cache.Keys.Rows(past, tokens), cache.Values.Rows(past, tokens));
        pass.Backend.CachedAttention(queries, cache.Keys, cache.Values, past, shape, attended);
        output.Forward(pass, saved.AttentionOutput, attended, x, x);
    }

    /// <summary>dStream (T, C) holds the gradient of the output and receives that of x where <paramref name="inputGradient"/>.</summary>
    public void Backward(Pass pass, LayerActivations saved, Scratch scratch, Tensor x, Tensor dStream, bool inputGradient)
    {
        int tokens = pass.Tokens;
        Backend backend = pass.Backend;
        Tensor attended = saved.Attended.Take(tokens);
        Tensor? dAttended = inputGradient || InputTrains || Prefix is { Trains: true } ? scratch.DAttended.Take(tokens) : null;
        output.Backward(pass, saved.AttentionOutput, scratch, dStream, attended, dAttended);
        if (dAttended is null)
        {
            return;
        }

        Tensor dQueries = scratch.DQuery.Take(tokens), dKeys = scratch.DKey.Take(tokens), dValues = scratch.DValue.Take(tokens);
        backend.AttentionBackward(
            dAttended, saved.Query.Take(tokens), saved.Key.Take(tokens), saved.Value.Take(tokens), attended, saved.LogSumExp.Take(tokens),
            shape, pass.DocumentStarts, dQueries, dKeys, dValues);
        if (Prefix is not null)
        {
            backend.PrefixAttentionBackward(
                dAttended, saved.Query.Take(tokens), Prefix.Keys, Prefix.Values, attended, saved.LogSumExp.Take(tokens), shape, pass.Positions, dQueries,
                Prefix.DKeys, Prefix.DValues);
        }

        // The gradient of what was attended has no reader left.
        Tensor dProjectedQueries = queryHeads.Backward(pass, saved.ProjectedQuery, dQueries, space: dAttended);
        Tensor dProjectedKeys = keyHeads.Backward(pass, saved.ProjectedKey, dKeys, scratch.DProjectedKey?.Take(tokens));

        Tensor normed = scratch.Normed.Take(tokens), inverseRms = saved.InputInverseRms.Take(tokens);
        if (projections.Trains)
        {
            norm.Forward(backend, x, normed, inverseRms);
        }

        Tensor? dNormed = inputGradient || norm.Trains ? scratch.DNormed.Take(tokens) : null;
        projections.Backward(pass, scratch.QueryKeyValue, normed, dNormed, dProjectedQueries, dProjectedKeys, dValues);
        if (dNormed is not null)
        {
            norm.Backward(backend, dNormed, x, inverseRms, dStream);
        }
    }

    private void Project(Pass pass, LayerActivations saved, Scratch scratch, Tensor x, Tensor queries, Tensor keys, Tensor values)
    {
        Tensor normed = scratch.Normed.Take(pass.Tokens);
        norm.Forward(pass.Backend, x, normed, saved.InputInverseRms.Take(pass.Tokens));
        projections.Forward(
            pass, scratch.QueryKeyValue, normed, queryHeads.Projected(saved.ProjectedQuery, queries), keyHeads.Projected(saved.ProjectedKey, keys), values);
        queryHeads.Forward(pass, saved.ProjectedQuery, queries);
        keyHeads.Forward(pass, saved.ProjectedKey, keys);
    }
}
