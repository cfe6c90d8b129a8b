// Makes Vendure's tables in an empty database, and puts in what the tests need: products, a shipping
// method, a way to pay, a second stock location, and the administrator that Mortar logs in as.
const { bootstrap } = require('@vendure/core');
const { populate } = require('@vendure/core/cli');
const path = require('node:path');
const { administrator, config } = require('./config');

const initial = {
    defaultLanguage: 'en',
    defaultZone: 'Americas',
    countries: [{ name: 'United States of America', code: 'US', zone: 'Americas' }],
    taxRates: [{ name: 'No tax', percentage: 0 }],
    shippingMethods: [{ name: 'Ground', price: 500 }],
    paymentMethods: [{ name: 'Card', handler: { code: 'dummy-payment-handler', arguments: [{ name: 'automaticSettle', value: 'true' }] } }],
    collections: [],
};

// All that the plugin does, and nothing else.
const permissions = ['ReadOrder', 'UpdateOrder', 'ReadCatalog', 'UpdateCatalog', 'ReadStockLocation'];

async function main() {
    const app = await populate(() => bootstrap(config(true)), initial, path.join(__dirname, 'products.csv'));
    let token;
    const ask = async (query, variables) => {
        const response = await fetch(`http://127.0.0.1:${process.env.VENDURE_PORT}/admin-api`, {
            method: 'POST',
            headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
            body: JSON.stringify({ query, variables }),
        });
        token ??= response.headers.get('vendure-auth-token');
        const answer = await response.json();
        if (answer.errors) throw new Error(JSON.stringify(answer.errors));
        return answer.data;
    };
    await ask('mutation ($n: String!, $p: String!) { login(username: $n, password: $p) { __typename } }', {
        n: administrator.identifier,
        p: administrator.password,
    });
    const { createRole } = await ask('mutation ($i: CreateRoleInput!) { createRole(input: $i) { id } }', {
        i: { code: 'mortar', description: 'What Mortar does', permissions },
    });
    await ask('mutation ($i: CreateAdministratorInput!) { createAdministrator(input: $i) { id } }', {
        i: { firstName: 'Mortar', lastName: 'Host', emailAddress: 'mortar@example.com', password: 'mortar-password', roleIds: [createRole.id] },
    });
    await ask('mutation { createStockLocation(input: { name: "Outlet" }) { id } }');
    await app.close();
    process.exit(0);
}

main().catch((error) => {
    console.error(error);
    process.exit(1);
});
